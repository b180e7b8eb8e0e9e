package flood

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestAnswersInTheWindowAreCounted(t *testing.T) {
	var requests, begins, ends atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if (r.Header.Get("Connection") == "close") != (r.URL.Path == "/anew") {
			t.Errorf("%s with Connection: %q", r.URL.Path, r.Header.Get("Connection"))
		}
		_, _ = w.Write([]byte(strings.Repeat("x", 1000)))
	}))
	defer server.Close()
	for _, path := range []string{"/kept", "/anew"} {
		requests.Store(0)
		asked := Flood{
			URL: server.URL + path, Connections: 4, Reconnect: path == "/anew",
			WarmupSeconds: 0.05, DurationSeconds: 0.2, TimeoutSeconds: 2,
		}
		result, err := Run(context.Background(), asked, func() { begins.Add(1) }, func() { ends.Add(1) })
		if err != nil || result.Failed > 0 || result.FirstFailure != nil {
			t.Fatalf("%s: %+v, %v", path, result, err)
		}
		if result.Requests < 10 || result.Requests > requests.Load() || result.WindowSeconds < 0.2 {
			t.Errorf("%s: %d of %d requests in %v s", path, result.Requests, requests.Load(), result.WindowSeconds)
		}
		if perAnswer := float64(result.BytesReceived) / float64(result.Requests); perAnswer < 900 || perAnswer > 1500 {
			t.Errorf("%s: %v bytes for each answer of 1000", path, perAnswer)
		}
	}
	if begins.Load() != 2 || ends.Load() != 2 {
		t.Errorf("%d windows began and %d ended", begins.Load(), ends.Load())
	}
}

func TestWhatFailsIsCountedAndDoesNotGoOnForEver(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 503) }))
	url := server.URL
	for _, closed := range []bool{false, true} {
		if closed {
			server.Close()
		}
		asked := Flood{URL: url, Connections: 2, DurationSeconds: 0.2, TimeoutSeconds: 1}
		result, err := Run(context.Background(), asked, func() {}, func() {})
		if err != nil || result.Requests != 0 || result.Failed != 2*mostFailures || result.FirstFailure == nil {
			t.Errorf("closed %v: %+v, %v", closed, result, err)
		}
	}
}
