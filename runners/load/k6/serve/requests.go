package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"datapath-lab/runners/k6/wire"
)

// Requests asks for `count` GET requests one after another, on one connection that is opened for them. Path, where it
// is given, is added to the URL.
type Requests struct {
	URL     string            `json:"url"`
	Path    string            `json:"path"`
	Count   int               `json:"count"`
	Headers map[string]string `json:"headers"`
	// TimeoutSeconds bounds all of them together; 10 where it is not given.
	TimeoutSeconds float64 `json:"timeoutSeconds"`
}

// Replies is what came back, counted at the socket. Statuses says how many answers had each status; lastBody is the
// beginning of the last answer's body. Error is null, or says what ended the series early.
type Replies struct {
	Requests      int64         `json:"requests"`
	Connections   int64         `json:"connections"`
	BytesSent     int64         `json:"bytesSent"`
	BytesReceived int64         `json:"bytesReceived"`
	Statuses      map[int]int64 `json:"statuses"`
	LastBody      string        `json:"lastBody"`
	Error         *string       `json:"error"`
}

const (
	mostRequests          = 1_000_000
	defaultTimeoutSeconds = 10
	// longestBody is how much of a body is handed back.
	longestBody = 64 << 10
)

func sendRequests(w http.ResponseWriter, r *http.Request) {
	asked := Requests{TimeoutSeconds: defaultTimeoutSeconds}
	err := decode(w, r, &asked)
	if err == nil && (asked.Count < 1 || asked.Count > mostRequests) {
		err = fmt.Errorf("count must be a whole number from 1 to %d", mostRequests)
	}
	if err == nil && !(asked.TimeoutSeconds > 0) {
		err = errors.New("timeoutSeconds must be over 0")
	}
	var address string
	var request []byte
	if err == nil {
		address, request, err = wire.Request(asked.URL+asked.Path, asked.Headers)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(asked.TimeoutSeconds*float64(time.Second)))
	defer cancel()
	var counters wire.Counters
	replies := Replies{Statuses: map[int]int64{}}
	if err := sendSeries(ctx, address, request, asked.Count, &counters, &replies); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w after %v s: %w", ctx.Err(), asked.TimeoutSeconds, err)
		}
		why := err.Error()
		replies.Error = &why
	}
	replies.Requests = counters.Requests.Load()
	replies.Connections = counters.Connections.Load()
	replies.BytesSent = counters.BytesSent.Load()
	replies.BytesReceived = counters.BytesReceived.Load()
	answer(w, http.StatusOK, replies)
}

// sendSeries stops at the first request that has no answer.
func sendSeries(ctx context.Context, address string, request []byte, count int, counters *wire.Counters, replies *Replies) error {
	conn, err := wire.Dial(ctx, address, counters)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	for i := range count {
		if err := conn.Send(request); err != nil {
			return err
		}
		var body beginning
		got, err := conn.Receive(&body)
		if err != nil {
			return err
		}
		replies.Statuses[got.Status]++
		replies.LastBody = string(body)
		if got.Close && i+1 < count {
			return errors.New("the server closed the connection")
		}
	}
	return nil
}

// beginning keeps what is written to it first, up to longestBody.
type beginning []byte

func (b *beginning) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), longestBody-len(*b))]...)
	return len(p), nil
}
