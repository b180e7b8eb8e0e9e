package watch

import (
	"context"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestEachChangeIsToldWithTheFirstAttemptThatItBefell(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	serve := func(listener net.Listener) *http.Server {
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) })}
		go func() { _ = server.Serve(listener) }()
		return server
	}
	server := serve(listener)
	ctx, cancel := context.WithCancel(context.Background())
	changes := make(chan Change, 16)
	asked := Watch{Address: address, PeriodSeconds: 0.001, PatienceSeconds: 0.1, LongestSeconds: 10}
	if err := asked.Validate(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		Run(ctx, asked, func(change Change) { changes <- change })
		close(ended)
	}()
	// Those of new connections and of the kept one come in an order of their own.
	expect := func(after float64, events ...string) {
		t.Helper()
		for range events {
			select {
			case change := <-changes:
				i := slices.Index(events, change.Event)
				if i < 0 || change.At < after-0.01 || change.At > after+0.15 {
					t.Fatalf("%+v, %v s after the change, where %v are due", change, change.At-after, events)
				}
				events[i] = ""
			case <-time.After(5 * time.Second):
				t.Fatalf("none of %v", events)
			}
		}
	}
	expect(now(), "open", "kept")
	time.Sleep(20 * time.Millisecond)
	closed := now()
	_ = server.Close()
	expect(closed, "shut", "cut")
	opened := now()
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	server = serve(listener)
	defer func() { _ = server.Close() }()
	expect(opened, "open", "kept")
	cancel()
	<-ended
}
