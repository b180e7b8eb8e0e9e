package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// scripted serves one connection that gets these pieces, each in a write of its own, and is closed then.
func scripted(t *testing.T, pieces ...string) (*Conn, *Counters) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		for _, piece := range pieces {
			_, _ = io.WriteString(conn, piece)
		}
		_ = conn.Close()
	}()
	var counters Counters
	conn, err := Dial(context.Background(), listener.Addr().String(), &counters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, &counters
}

func TestAnswersAreReadOneByOneHoweverTheyArrive(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	stream := "HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\n\r\nhello" +
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Service Unavailable\r\nContent-Length:0\r\nConnection: Close\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + long +
		"HTTP/1.1 204 No Content\r\n\r\n"
	for name, pieces := range map[string][]string{"at once": {stream}, "byte by byte": strings.Split(stream, "")} {
		conn, counters := scripted(t, pieces...)
		for i, want := range []struct {
			answer Answer
			body   string
		}{
			{Answer{200, 5, false}, "hello"},
			{Answer{503, 0, true}, ""},
			{Answer{200, 100_000, false}, long},
			{Answer{204, 0, false}, ""},
		} {
			var body bytes.Buffer
			answer, err := conn.Receive(&body)
			if err != nil || answer != want.answer || body.String() != want.body {
				t.Fatalf("%s, answer %d: %+v with %d bytes, %v", name, i, answer, body.Len(), err)
			}
		}
		if _, err := conn.Receive(nil); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the last answer: %v", name, err)
		}
		if got := counters.BytesReceived.Load(); got != int64(len(stream)) {
			t.Errorf("%s: counted %d bytes of %d", name, got, len(stream))
		}
	}
}

func TestBrokenAnswersAreErrors(t *testing.T) {
	for stream, want := range map[string]error{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell":          ErrLength,
		"HTTP/1.1 200 OK\r\n\r\n":                                   ErrLength,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0":    ErrLength,
		"HTTP/1.1 200 OK\r\nContent-Le":                             io.ErrUnexpectedEOF,
		"SSH-2.0-OpenSSH_9.2p1\r\n\r\n":                             errHead,
		"HTTP/1.1 2x0 OK\r\nContent-Length: 5\r\n\r\nhello":         errHead,
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello":        errHead,
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", bufferBytes): nil,
	} {
		conn, _ := scripted(t, stream)
		answer, err := conn.Receive(nil)
		if err == nil || (want != nil && !errors.Is(err, want)) {
			t.Errorf("%.60q: %+v, %v", stream, answer, err)
		}
	}
}

func TestRequestsAreWrittenAsAsked(t *testing.T) {
	address, request, err := Request("http://10.0.0.1:8080/echo?a=b", map[string]string{"X-B": "2", "X-A": "1"})
	want := "GET /echo?a=b HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nX-A: 1\r\nX-B: 2\r\n\r\n"
	if err != nil || address != "10.0.0.1:8080" || string(request) != want {
		t.Errorf("%q to %q, %v", request, address, err)
	}
	address, request, err = Request("http://[fd00::1]", map[string]string{"host": "server"})
	if err != nil || address != "[fd00::1]:80" || string(request) != "GET / HTTP/1.1\r\nHost: server\r\n\r\n" {
		t.Errorf("%q to %q, %v", request, address, err)
	}
	for _, refused := range []struct{ url, name, value string }{
		{"https://server/", "", ""}, {"server:80", "", ""}, {"http://", "", ""},
		{"http://server/", "a b", "c"}, {"http://server/", "a", "b\r\nc: d"},
	} {
		headers := map[string]string{}
		if refused.name != "" {
			headers[refused.name] = refused.value
		}
		if _, request, err := Request(refused.url, headers); err == nil {
			t.Errorf("%+v gave %q", refused, request)
		}
	}
}

func TestACountedRequestAllocatesNothing(t *testing.T) {
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buffer := make([]byte, 1024)
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
			_, _ = conn.Write(answer)
		}
	}()
	var counters Counters
	conn, err := Dial(context.Background(), listener.Addr().String(), &counters)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	allocations := testing.AllocsPerRun(100, func() {
		if err := conn.Send(request); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Receive(nil); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
	if requests, sent := counters.Requests.Load(), counters.BytesSent.Load(); sent != requests*int64(len(request)) {
		t.Errorf("%d requests of %d bytes took %d bytes", requests, len(request), sent)
	}
}
