package lab

import (
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// connected is a pool with all connections open to a server that answers by `handle`; `n` counts its requests from 0,
// the first of each connection included.
func connected(t *testing.T, load Load, handle func(n int64, w http.ResponseWriter)) (*pool, *atomic.Int64) {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		handle(requests.Add(1)-1, w)
	}))
	t.Cleanup(server.Close)
	load.URL = server.URL
	p, err := newPool(load)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.connect(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.drain(0) })
	return p, &requests
}

// offer sends a load's ticks all at once, as if all were due now, and drains the pool.
func offer(p *pool) *Result {
	start := p.log.now()
	for range p.load.ticks() {
		p.get()
	}
	p.drain(10 * time.Second)
	return p.result(start, nil)
}

func good(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 10)) }

func load(requests, connections int) Load {
	return Load{Connections: connections, BodyBytes: 10, Rate: requests, DurationSeconds: 1, TimeoutMs: 5000}
}

func TestEveryRequestIsAnsweredAndCounted(t *testing.T) {
	p, served := connected(t, load(500, 4), func(_ int64, w http.ResponseWriter) { good(w) })
	result := offer(p)
	if result.Latency.Count() != 500 || result.Errors.Count != 0 || result.Arrivals.Started != 500 || result.Arrivals.Dropped != 0 {
		t.Errorf("%d answered, errors %v, arrivals %+v", result.Latency.Count(), result.Errors.Kinds, result.Arrivals)
	}
	sent := int64(len(p.request)) * 504
	if got := result.Totals; got.Requests != 504 || got.Requests != served.Load() || got.Connections != 4 || got.Reconnects != 0 || got.BytesSent != sent {
		t.Errorf("totals %+v; %d requests served, %d bytes", got, served.Load(), sent)
	}
}

func TestErrorsAreCountedByKindAndApart(t *testing.T) {
	frozen := make(chan struct{})
	asked := load(100, 1)
	asked.TimeoutMs = 500
	p, served := connected(t, asked, func(n int64, w http.ResponseWriter) {
		switch n {
		case 10, 11:
			http.Error(w, "no", http.StatusServiceUnavailable)
		case 20:
			_, _ = w.Write(make([]byte, 9))
		case 30:
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write(make([]byte, 5))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case 40:
			panic(http.ErrAbortHandler)
		case 90:
			<-frozen
		default:
			good(w)
		}
	})
	begun := time.Now()
	result := offer(p)
	close(frozen)
	// What comes after the frozen request waits behind it on the one connection, and is as old.
	want := map[string]int64{"status": 2, "length": 2, "reset": 1, "timeout": 11}
	if !maps.Equal(result.Errors.Kinds, want) || result.Errors.Count != 16 || result.Errors.Latency.Count() != 16 || result.Latency.Count() != 84 {
		t.Errorf("errors %+v, %d answered", result.Errors.Kinds, result.Latency.Count())
	}
	if took := time.Since(begun); took < 500*time.Millisecond || took > 5*time.Second {
		t.Errorf("given up after %v", took)
	}
	if got := result.Totals; got.Reconnects < 2 || got.Connections != got.Reconnects+1 || got.Requests != served.Load() {
		t.Errorf("totals %+v, %d requests served", got, served.Load())
	}
}

func TestAConnectionThatBreaksWhileIdleIsOpenedAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan net.Conn, 2)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- conn
			go func() {
				buffer := make([]byte, 1024)
				for {
					if _, err := conn.Read(buffer); err != nil {
						return
					}
					_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"))
				}
			}()
		}
	}()
	asked := load(10, 1)
	asked.URL = "http://" + listener.Addr().String()
	p, err := newPool(asked)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.connect(); err != nil {
		t.Fatal(err)
	}
	_ = (<-accepted).Close()
	defer (<-accepted).Close()
	result := offer(p)
	if result.Errors.Count != 0 || result.Latency.Count() != 10 || result.Totals.Reconnects != 1 {
		t.Errorf("errors %v, totals %+v", result.Errors.Kinds, result.Totals)
	}
}

func TestWithNoServerLeftRequestsFailAsNotConnected(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Read(make([]byte, 1024))
		_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"))
		_ = listener.Close()
		_ = conn.Close()
	}()
	asked := load(10, 1)
	asked.URL = "http://" + listener.Addr().String()
	p, err := newPool(asked)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.connect(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	result := offer(p)
	// The first ones may still meet the connection that is about to break.
	if kinds := result.Errors.Kinds; kinds["connect"]+kinds["reset"] != 10 || kinds["connect"] < 9 {
		t.Errorf("errors %v", kinds)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v to find out", took)
	}
}

func TestConnectFailsWhereTheFirstAnswerIsNotAsExpected(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { good(w) }))
	defer server.Close()
	asked := load(10, 3)
	asked.URL, asked.BodyBytes = server.URL, 11
	p, err := newPool(asked)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.connect(); err == nil || !strings.Contains(err.Error(), "3 of 3 connections") || !strings.Contains(err.Error(), "a body of 10 bytes") {
		t.Errorf("connect: %v", err)
	}
}

func TestLatencyCountsFromTheTick(t *testing.T) {
	asked := load(10, 1)
	asked.WarmupSeconds = 0.5
	p, _ := connected(t, asked, func(_ int64, w http.ResponseWriter) { good(w) })
	// All 15 ticks arrive now; the scenario started 2 s ago, and ticks are 100 ms apart. Number 7 was dropped.
	begun := p.log.now()
	start := begun - 2*time.Second
	for range 7 {
		p.get()
	}
	drop := p.log.now()
	for range 7 {
		p.get()
	}
	p.drain(5 * time.Second)
	took := p.log.now() - begun
	result := p.result(start, []time.Duration{drop})
	if got := result.Arrivals; got.Scheduled != 10 || got.Started != 9 || got.Dropped != 1 || got.Late != 9 {
		t.Errorf("arrivals %+v", got)
	}
	// Tick 5 is the first one measured: it was due 1.5 s ago. Tick 14 is the last: 0.6 s ago.
	longest, _ := result.Latency.Quantile(1)
	shortest, _ := result.Latency.Quantile(0)
	if longest < 1480*time.Millisecond || longest > 1520*time.Millisecond+took || shortest < 590*time.Millisecond || shortest > 620*time.Millisecond+took {
		t.Errorf("latencies from %v to %v", shortest, longest)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Load){
		"url":             func(l *Load) { l.URL = "ftp://server/" },
		"connections":     func(l *Load) { l.Connections = 0 },
		"rate":            func(l *Load) { l.Rate = -1 },
		"durationSeconds": func(l *Load) { l.DurationSeconds = 0 },
		"timeoutMs":       func(l *Load) { l.TimeoutMs = 0 },
		"warmupSeconds":   func(l *Load) { l.WarmupSeconds = -1 },
	} {
		asked := load(10, 1)
		asked.URL = "http://server/"
		if _, err := newPool(asked); err != nil {
			t.Fatal(err)
		}
		spoil(&asked)
		if _, err := newPool(asked); err == nil {
			t.Errorf("a bad %s was taken", name)
		}
	}
}
