from flask import Flask

app = Flask(__name__)


@app.route("/kafkaevent", methods=['POST'])
def incoming():
    print("Hello from Kafka!", flush=True)
    return "Kafka Event Processed!"


@app.route("/tick", methods=['POST'])
def tick():
    print("Tick!", flush=True)
    return ""
