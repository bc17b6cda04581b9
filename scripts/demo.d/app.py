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


@app.route("/redisevent", methods=['POST'])
def from_redis():
    print("Hello from Redis!", flush=True)
    return ""


@app.route("/rabbitevent", methods=['POST'])
def from_rabbitmq():
    print("Hello from RabbitMQ!", flush=True)
    return ""
