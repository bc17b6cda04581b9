// Pub/Sub for tests: Google's own in-memory server (package pstest of its Go client), which speaks gRPC, with the REST form
// of the same API in front of it, of which there is as much here as bindings.gcp.pubsub asks for. What has happened is kept
// in a file, and happens again at the next start. GET /messages?topic=NAME is no part of the API: it tells how often each
// message was given out and acknowledged.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const mostBytes = 16 << 20

// What the real service answers with for each code that comes up here.
var httpStatus = map[codes.Code]int{
	codes.InvalidArgument:    http.StatusBadRequest,
	codes.FailedPrecondition: http.StatusBadRequest,
	codes.Unauthenticated:    http.StatusUnauthorized,
	codes.NotFound:           http.StatusNotFound,
	codes.AlreadyExists:      http.StatusConflict,
	codes.Unavailable:        http.StatusServiceUnavailable,
}

var codeName = map[codes.Code]string{
	codes.InvalidArgument:    "INVALID_ARGUMENT",
	codes.FailedPrecondition: "FAILED_PRECONDITION",
	codes.Unauthenticated:    "UNAUTHENTICATED",
	codes.NotFound:           "NOT_FOUND",
	codes.AlreadyExists:      "ALREADY_EXISTS",
	codes.Unavailable:        "UNAVAILABLE",
}

// answer does what a request asks for: body is its JSON, name the resource that its path names.
type answer func(ctx context.Context, body []byte, name string) (proto.Message, error)

// of makes an answer of one of the server's methods; set puts the name where its request has it, if the path has one.
func of[In, Out proto.Message](fresh func() In, set func(In, string), method func(context.Context, In) (Out, error)) answer {
	return func(ctx context.Context, body []byte, name string) (proto.Message, error) {
		in := fresh()
		if len(body) > 0 {
			if err := protojson.Unmarshal(body, in); err != nil {
				return nil, status.Errorf(codes.InvalidArgument, "Invalid JSON payload received. %v", err)
			}
		}
		if name != "" {
			set(in, name)
		}
		return method(ctx, in)
	}
}

// answers by "VERB collection:action", as in "POST topics:publish".
func answers(server *pstest.GServer) map[string]answer {
	return map[string]answer{
		"PUT topics": of(func() *pubsubpb.Topic { return new(pubsubpb.Topic) },
			func(in *pubsubpb.Topic, name string) { in.Name = name }, server.CreateTopic),
		"GET topics": of(func() *pubsubpb.GetTopicRequest { return new(pubsubpb.GetTopicRequest) },
			func(in *pubsubpb.GetTopicRequest, name string) { in.Topic = name }, server.GetTopic),
		"POST topics:publish": of(func() *pubsubpb.PublishRequest { return new(pubsubpb.PublishRequest) },
			func(in *pubsubpb.PublishRequest, name string) { in.Topic = name }, server.Publish),
		"PUT subscriptions": of(func() *pubsubpb.Subscription { return new(pubsubpb.Subscription) },
			func(in *pubsubpb.Subscription, name string) { in.Name = name }, server.CreateSubscription),
		"GET subscriptions": of(func() *pubsubpb.GetSubscriptionRequest { return new(pubsubpb.GetSubscriptionRequest) },
			func(in *pubsubpb.GetSubscriptionRequest, name string) { in.Subscription = name }, server.GetSubscription),
		"POST subscriptions:pull": of(func() *pubsubpb.PullRequest { return new(pubsubpb.PullRequest) },
			func(in *pubsubpb.PullRequest, name string) { in.Subscription = name }, server.Pull),
		"POST subscriptions:acknowledge": of(func() *pubsubpb.AcknowledgeRequest { return new(pubsubpb.AcknowledgeRequest) },
			func(in *pubsubpb.AcknowledgeRequest, name string) { in.Subscription = name }, server.Acknowledge),
		"POST subscriptions:modifyAckDeadline": of(func() *pubsubpb.ModifyAckDeadlineRequest { return new(pubsubpb.ModifyAckDeadlineRequest) },
			func(in *pubsubpb.ModifyAckDeadlineRequest, name string) { in.Subscription = name }, server.ModifyAckDeadline),
	}
}

// find takes "/v1/projects/P/topics/T:publish" apart.
func find(all map[string]answer, verb, path string) (answer, string) {
	name, isV1 := strings.CutPrefix(path, "/v1/")
	parts := strings.Split(name, "/")
	if !isV1 || len(parts) != 4 || parts[0] != "projects" {
		return nil, ""
	}
	name, action, hasAction := strings.Cut(name, ":")
	wanted := verb + " " + parts[2]
	if hasAction {
		wanted += ":" + action
	}
	return all[wanted], name
}

func fail(w http.ResponseWriter, err error) {
	code := status.Code(err)
	number, known := httpStatus[code]
	if !known {
		number = http.StatusInternalServerError
	}
	text, known := codeName[code]
	if !known {
		text = "INTERNAL"
	}
	said, _ := json.Marshal(map[string]any{"error": map[string]any{"code": number, "message": status.Convert(err).Message(), "status": text}})
	write(w, number, said)
}

func write(w http.ResponseWriter, number int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(number)
	// Who does not wait for the answer any more does not get it.
	_, _ = w.Write(body)
}

type account struct {
	ID         string `json:"id"`
	Deliveries int    `json:"deliveries"`
	Acks       int    `json:"acks"`
}

func accounts(server *pstest.Server, topic string) []account {
	out := []account{}
	for _, each := range server.Messages() {
		if each.Topic == topic {
			out = append(out, account{each.ID, each.Deliveries, each.Acks})
		}
	}
	return out
}

func serve(server *pstest.Server, prefix string) http.Handler {
	all := answers(&server.GServer)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/messages" {
			said, _ := json.Marshal(accounts(server, r.URL.Query().Get("topic")))
			write(w, http.StatusOK, said)
			return
		}
		if prefix != "" && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "+prefix) {
			fail(w, status.Error(codes.Unauthenticated, "Request had invalid authentication credentials."))
			return
		}
		found, name := find(all, r.Method, r.URL.Path)
		if found == nil {
			fail(w, status.Errorf(codes.NotFound, "no such method here: %s %s", r.Method, r.URL.Path))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBytes))
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			fail(w, status.Error(codes.InvalidArgument, "Request payload size exceeds the limit."))
			return
		}
		if err != nil {
			return
		}
		out, err := found(r.Context(), body, name)
		if err != nil {
			fail(w, err)
			return
		}
		said, err := protojson.Marshal(out)
		if err != nil {
			fail(w, err)
			return
		}
		write(w, http.StatusOK, said)
	})
}

// journal keeps the requests that change something. The server calls React before it carries one out, one at a time.
type journal struct {
	file *os.File
	call string
}

type entry struct {
	Call    string          `json:"call"`
	Request json.RawMessage `json:"request"`
}

func (j journal) React(request any) (bool, any, error) {
	// An id to acknowledge by has the number of the delivery behind it, which begins at none after a start.
	if ack, is := request.(*pubsubpb.AcknowledgeRequest); is {
		plain := &pubsubpb.AcknowledgeRequest{Subscription: ack.Subscription}
		for _, id := range ack.AckIds {
			plain.AckIds = append(plain.AckIds, strings.Split(id, ":")[0])
		}
		request = plain
	}
	body, err := protojson.Marshal(request.(proto.Message))
	if err != nil {
		return false, nil, err
	}
	line, err := json.Marshal(entry{j.call, body})
	if err != nil {
		return false, nil, err
	}
	_, err = j.file.Write(append(line, '\n'))
	return false, nil, err
}

// again carries out what the file at path holds: messages get the ids that they had.
func again(server *pstest.GServer, path string) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	all := answers(server)
	calls := map[string]answer{
		"CreateTopic":        all["PUT topics"],
		"CreateSubscription": all["PUT subscriptions"],
		"Publish":            all["POST topics:publish"],
		"Acknowledge":        all["POST subscriptions:acknowledge"],
		"UpdateSubscription": of(func() *pubsubpb.UpdateSubscriptionRequest { return new(pubsubpb.UpdateSubscriptionRequest) },
			func(*pubsubpb.UpdateSubscriptionRequest, string) {}, server.UpdateSubscription),
	}
	for lines := json.NewDecoder(file); ; {
		var one entry
		// The last one may have been cut off.
		if err := lines.Decode(&one); err != nil {
			return nil
		}
		// What was refused then is refused now.
		_, _ = calls[one.Call](context.Background(), one.Request, "")
	}
}

// start serves gRPC at address, with what the file at path holds.
func start(address, path string) (*pstest.Server, error) {
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	var options []pstest.ServerReactorOption
	for _, call := range []string{"CreateTopic", "CreateSubscription", "UpdateSubscription", "Publish", "Acknowledge"} {
		options = append(options, pstest.ServerReactorOption{FuncName: call, Reactor: journal{file, call}})
	}
	server := pstest.NewServerWithAddress(address, options...)
	if err := again(&server.GServer, path); err != nil {
		return nil, err
	}
	return server, os.Rename(path+".new", path)
}

func main() {
	grpc := flag.String("grpc", "127.0.0.1:0", "address for gRPC")
	plain := flag.String("http", "127.0.0.1:0", "address for REST without a token")
	secure := flag.String("https", "127.0.0.1:0", "address for REST over TLS with a token")
	certificate := flag.String("cert", "", "file with the certificate for TLS")
	key := flag.String("key", "", "file with its key")
	prefix := flag.String("token", "planted-token", "what a token begins with that is taken over TLS")
	kept := flag.String("kept", "kept", "file with what has happened")
	flag.Parse()

	server, err := start(*grpc, *kept)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.ListenAndServeTLS(*secure, *certificate, *key, serve(server, *prefix))) }()
	log.Fatal(http.ListenAndServe(*plain, serve(server, "")))
}
