package lab

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const goodAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"

// answering serves each connection by `serve`, which has its number from 0, until it returns.
func answering(t *testing.T, serve func(n int, conn net.Conn)) (listener net.Listener, url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for n := 0; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(n, conn)
			}()
		}
	}()
	return listener, "http://" + listener.Addr().String()
}

// answers writes an answer for each request that comes, up to so many.
func answers(conn net.Conn, answer string, most int) {
	buffer, text := make([]byte, 4096), []byte(answer)
	for range most {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
		if _, err := conn.Write(text); err != nil {
			return
		}
	}
}

func sentTo(t *testing.T, url string, asked Load) *Result {
	t.Helper()
	asked.URL = url
	result, err := Pace{asked, 20}.Run(context.Background(), func() {}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestAPaceCountsErrorsByKindAsThePoolDoes(t *testing.T) {
	frozen := make(chan struct{})
	var served atomic.Int64
	asked := load(100, 1)
	asked.TimeoutMs = 500
	begun := time.Now()
	result, err := paced(t, asked, func(n int64, w http.ResponseWriter) {
		served.Add(1)
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
		case 60:
			// Without a length it comes in chunks.
			_ = http.NewResponseController(w).Flush()
			good(w)
		case 100:
			time.AfterFunc(600*time.Millisecond, func() { close(frozen) })
			<-frozen
		default:
			good(w)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"status": 2, "length": 3, "reset": 1, "timeout": 1}
	if !maps.Equal(result.Errors.Kinds, want) || result.Errors.Count != 7 || result.Errors.Latency.Count() != 7 || result.Latency.Count() != 93 {
		t.Errorf("errors %+v, %d answered", result.Errors.Kinds, result.Latency.Count())
	}
	if took := time.Since(begun); took < 1490*time.Millisecond || took > 5*time.Second {
		t.Errorf("given up after %v", took)
	}
	if got := result.Totals; got.Reconnects < 3 || got.Connections != got.Reconnects+1 || got.Requests != served.Load() {
		t.Errorf("totals %+v, %d requests served", got, served.Load())
	}
}

func TestAServerThatClosesAfterEachAnswerCostsAPaceConnectionsButNoRequest(t *testing.T) {
	_, url := answering(t, func(n int, conn net.Conn) {
		answers(conn, strings.Replace(goodAnswer, "\r\n", "\r\nConnection: close\r\n", 1), 1)
	})
	result := sentTo(t, url, load(100, 4))
	if got := result.Totals; result.Errors.Count != 0 || result.Latency.Count() != 100 || got.Requests != 104 || got.Connections < 104 {
		t.Errorf("errors %v, %d answered, totals %+v", result.Errors.Kinds, result.Latency.Count(), got)
	}
}

func TestAConnectionOfAPaceThatBreaksWhileIdleIsOpenedAgain(t *testing.T) {
	_, url := answering(t, func(n int, conn net.Conn) {
		most := 1000
		if n == 0 {
			most = 3
		}
		answers(conn, goodAnswer, most)
	})
	result := sentTo(t, url, load(50, 1))
	if result.Errors.Count > 1 || result.Latency.Count() < 49 || result.Totals.Reconnects != 1 {
		t.Errorf("errors %v, totals %+v", result.Errors.Kinds, result.Totals)
	}
}

func TestWithNoServerLeftRequestsOfAPaceFailAsNotConnected(t *testing.T) {
	var listener net.Listener
	ready := make(chan struct{})
	listener, url := answering(t, func(_ int, conn net.Conn) {
		<-ready
		answers(conn, goodAnswer, 5)
		_ = listener.Close()
	})
	close(ready)
	result := sentTo(t, url, load(50, 1))
	if kinds := result.Errors.Kinds; kinds["connect"] < 40 || kinds["connect"]+kinds["reset"] != result.Errors.Count || result.Latency.Count() < 4 {
		t.Errorf("errors %v, %d answered", kinds, result.Latency.Count())
	}
}

func TestAPaceThatCannotOpenItsConnectionsSaysWhy(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { good(w) }))
	asked := load(10, 3)
	asked.URL, asked.BodyBytes = server.URL, 11
	run := func() string {
		_, err := Pace{asked, 0}.Run(context.Background(), func() { t.Error("a window began") }, func() {})
		if err == nil {
			t.Fatal("it ran")
		}
		return err.Error()
	}
	if why := run(); !strings.Contains(why, "3 of 3 connections") || !strings.Contains(why, "a body of 10 bytes") {
		t.Error(why)
	}
	server.Close()
	if why := run(); !strings.Contains(why, "3 of 3 connections") || !strings.Contains(why, "refused") {
		t.Error(why)
	}
	_, silent := answering(t, func(_ int, conn net.Conn) { _, _ = conn.Read(make([]byte, 1)); time.Sleep(time.Second) })
	asked.URL, asked.TimeoutMs = silent, 200
	if why := run(); !strings.Contains(why, "3 of 3 connections") {
		t.Error(why)
	}
}

func TestAnAnswerInPiecesAndALongOneAreOneEach(t *testing.T) {
	const long = 300_000
	body := strings.Repeat("x", long)
	_, url := answering(t, func(_ int, conn net.Conn) {
		buffer := make([]byte, 4096)
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
			for _, piece := range []string{"HTTP/1.1 200 OK\r\nContent-Le", "ngth: 300000\r\n", "\r\n" + body[:7], body[7:]} {
				_, _ = conn.Write([]byte(piece))
				time.Sleep(time.Millisecond)
			}
		}
	})
	asked := load(50, 4)
	asked.BodyBytes = long
	result := sentTo(t, url, asked)
	if result.Errors.Count != 0 || result.Latency.Count() != 50 || result.Totals.BytesReceived != 54*(long+int64(len("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"))) {
		t.Errorf("errors %v, %d answered, totals %+v", result.Errors.Kinds, result.Latency.Count(), result.Totals)
	}
}

func TestSendingAllocatesNothing(t *testing.T) {
	_, url := answering(t, func(_ int, conn net.Conn) { answers(conn, goodAnswer, 1<<30) })
	allocated := func(requests int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if result := sentTo(t, url, load(requests, 4)); result.Errors.Count != 0 {
			t.Fatalf("errors %v", result.Errors.Kinds)
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	_ = allocated(100)
	few, many := allocated(100), allocated(2100)
	// Results grow with what they hold, and the server's side has to wait for a turn now and then.
	if many > few+500 {
		t.Errorf("%d allocations for 100 requests, %d for 2100", few, many)
	}
}
