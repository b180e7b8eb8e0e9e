package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// server is a running workload: two traffic ports, the admin port, and how it ended.
type server struct {
	ports [2]int
	admin int
	stop  context.CancelFunc
	ended chan error
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{ports: [2]int{freePort(t), freePort(t)}, admin: freePort(t), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	addresses := []string{fmt.Sprintf("127.0.0.1:%d", s.ports[0]), fmt.Sprintf("127.0.0.1:%d", s.ports[1])}
	go func() { s.ended <- run(ctx, addresses, fmt.Sprintf("127.0.0.1:%d", s.admin)) }()
	t.Cleanup(cancel)
	for deadline := time.Now().Add(5 * time.Second); ; {
		response, err := http.Get(s.url(s.admin, "/readyz"))
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func (s *server) url(port int, path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", port, path)
}

func (s *server) stats(t *testing.T, port int) snapshot {
	t.Helper()
	var stats map[string]snapshot
	if err := json.Unmarshal(get(t, s.url(s.admin, "/stats"), http.StatusOK), &stats); err != nil {
		t.Fatal(err)
	}
	return stats[fmt.Sprint(port)]
}

func (s *server) freeze(t *testing.T, port, milliseconds int) {
	t.Helper()
	response, err := http.Post(s.url(s.admin, fmt.Sprintf("/freeze?port=%d&ms=%d", port, milliseconds)), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("freeze answered %d", response.StatusCode)
	}
}

func get(t *testing.T, url string, status int) []byte {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		t.Fatalf("%s: status %d, %v", url, response.StatusCode, err)
	}
	return body
}

func TestBodiesHaveTheLengthAskedForAndAreNotChunked(t *testing.T) {
	s := start(t)
	for query, length := range map[string]int64{"": 1024, "?bytes=0": 0, "?bytes=1": 1, "?bytes=100000": 100000, "?bytes=16777216": 16 << 20} {
		response, err := http.Get(s.url(s.ports[0], "/"+query))
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if err != nil || n != length || response.ContentLength != length || len(response.TransferEncoding) != 0 {
			t.Errorf("%q: %d bytes, content-length %d, transfer-encoding %v, %v", query, n, response.ContentLength, response.TransferEncoding, err)
		}
	}
	get(t, s.url(s.ports[0], "/?bytes=16777217"), http.StatusBadRequest)
	get(t, s.url(s.ports[0], "/?bytes=many"), http.StatusBadRequest)
	get(t, s.url(s.ports[0], "/else"), http.StatusNotFound)
}

func TestCountersAreExactAtTheSocket(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports[0]))
	if err != nil {
		t.Fatal(err)
	}
	request := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	reader := bufio.NewReader(conn)
	var received int64
	for range 3 {
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		received += readAnswer(t, reader)
	}
	got := s.stats(t, s.ports[0])
	if got.Requests != 3 || got.Connections != 1 || got.OpenConnections != 1 || got.BytesReceived != int64(3*len(request)) || got.BytesSent != received || got.ClientAddresses["127.0.0.1"] != 1 {
		t.Errorf("counted %+v; sent 3 requests of %d bytes, received %d bytes", got, len(request), received)
	}
	_ = conn.Close()
	for deadline := time.Now().Add(5 * time.Second); s.stats(t, s.ports[0]).OpenConnections != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the closed connection still counts as open")
		}
	}
	get(t, s.url(s.admin, "/healthz"), http.StatusOK)
	if other := s.stats(t, s.ports[1]); other.Requests != 0 || other.Connections != 0 || other.BytesReceived != 0 || other.BytesSent != 0 {
		t.Errorf("the port that nobody used counted %+v", other)
	}
}

// readAnswer reads one answer with its body and returns how many bytes it took.
func readAnswer(t *testing.T, reader *bufio.Reader) int64 {
	t.Helper()
	var head bytes.Buffer
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		line, err := reader.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		head.WriteString(line)
	}
	if !strings.HasPrefix(head.String(), "HTTP/1.1 200") {
		t.Fatalf("answered %q", head.String())
	}
	if _, err := io.CopyN(io.Discard, reader, defaultBodyBytes); err != nil {
		t.Fatal(err)
	}
	return int64(head.Len()) + defaultBodyBytes
}

func TestEchoSaysWhatItSaw(t *testing.T) {
	s := start(t)
	request, err := http.NewRequest(http.MethodPost, s.url(s.ports[1], "/echo?a=b"), strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Add("X-Lab", "one")
	request.Header.Add("X-Lab", "two")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got echoed
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.ClientAddress != "127.0.0.1" || got.Method != "POST" || got.Path != "/echo?a=b" || got.Headers["x-lab"] != "one, two" || got.Port != s.ports[1] {
		t.Errorf("echoed %+v", got)
	}
}

func TestFreezeHoldsBackOnePortForThatLong(t *testing.T) {
	s := start(t)
	begun := time.Now()
	s.freeze(t, s.ports[0], 1000)
	s.freeze(t, s.ports[0], 20)
	get(t, s.url(s.ports[1], "/"), http.StatusOK)
	if took := time.Since(begun); took >= time.Second {
		t.Errorf("the other port answered after %v", took)
	}
	get(t, s.url(s.ports[0], "/"), http.StatusOK)
	if took := time.Since(begun); took < time.Second || took > 5*time.Second {
		t.Errorf("the frozen port answered after %v", took)
	}
	begun = time.Now()
	get(t, s.url(s.ports[0], "/"), http.StatusOK)
	if took := time.Since(begun); took > 900*time.Millisecond {
		t.Errorf("the thawed port answered after %v", took)
	}
}

func TestStoppingAnswersWhatIsUnderWay(t *testing.T) {
	s := start(t)
	s.freeze(t, s.ports[0], 200)
	status := make(chan int, 1)
	go func() {
		response, err := http.Get(s.url(s.ports[0], "/"))
		if err != nil {
			status <- 0
			return
		}
		_ = response.Body.Close()
		status <- response.StatusCode
	}()
	for s.stats(t, s.ports[0]).Requests == 0 {
		time.Sleep(time.Millisecond)
	}
	begun := time.Now()
	s.stop()
	if got := <-status; got != http.StatusOK {
		t.Errorf("the request under way got status %d", got)
	}
	if err := <-s.ended; err != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("ended with %v after %v", err, time.Since(begun))
	}
}

func TestATakenPortEndsTheProgram(t *testing.T) {
	s := start(t)
	taken := fmt.Sprintf("127.0.0.1:%d", s.ports[0])
	if err := run(context.Background(), []string{taken}, "127.0.0.1:0"); err == nil {
		t.Fatal("two servers on one port")
	}
}
