package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"datapath-lab/runners/k6/serve"
)

const scripts = "."

// TestMain lets the test binary be the k6 that the tests run.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "run" || os.Args[1] == "serve") {
		main()
		return
	}
	os.Exit(m.Run())
}

// event is any line of a block's stream. Histograms keep their buckets' counts to be looked at as a whole.
type event struct {
	Event           string
	At              float64
	Message, Stderr string
	AchievedRate    float64
	WindowSeconds   float64
	Latency         sketch
	Errors          struct {
		Count int64
		Kinds map[string]int64
	}
	Arrivals struct{ Scheduled, Started, Dropped, Late int64 }
	Totals   struct{ Requests, Connections, BytesSent, BytesReceived, Reconnects int64 }
}

// sketch is the JSON of a histogram, read back independently of the code that wrote it.
type sketch struct {
	RelativeError float64
	Count, Zero   int64
	Max           float64
	Buckets       [][2]int64
}

// quantile is in seconds.
func (s sketch) quantile(q float64) float64 {
	gamma := (1 + s.RelativeError) / (1 - s.RelativeError)
	rank, seen := int64(math.Ceil(q*float64(s.Count))), s.Zero
	for _, bucket := range s.Buckets {
		if seen += bucket[1]; seen >= rank {
			return 2 * math.Pow(gamma, float64(bucket[0])) / (gamma + 1) / 1e9
		}
	}
	return s.Max
}

// target answers with 1 KiB, and stands still while its gate is held. `open` is how many connections it has.
type target struct {
	*httptest.Server
	gate           sync.RWMutex
	requests, open atomic.Int64
}

func newTarget(t *testing.T) *target {
	t.Helper()
	s := &target{}
	body := make([]byte, 1024)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.gate.RLock()
		defer s.gate.RUnlock()
		w.Header().Set("X-Path", r.URL.Path)
		_, _ = w.Write(body)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.open.Add(1)
		case http.StateClosed:
			s.open.Add(-1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func service(t *testing.T) *httptest.Server {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(serve.NewHandler(executable, scripts))
	t.Cleanup(server.Close)
	return server
}

func block(url string, rate int) serve.Block {
	return serve.Block{
		Script: "constant-rate.ts", URL: url, Rate: rate, Connections: 16, WarmupSeconds: 0.3, DurationSeconds: 2, TimeoutSeconds: 2,
	}
}

func post(ctx context.Context, t *testing.T, url string, body any) *http.Response {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// follow hands over a block's events as they come and returns the last one.
func follow(t *testing.T, response *http.Response, each func(event)) event {
	t.Helper()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		t.Fatalf("status %d: %s", response.StatusCode, text)
	}
	return events(t, response.Body, each)
}

func events(t *testing.T, stream io.Reader, each func(event)) event {
	t.Helper()
	var last event
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		last = event{}
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		each(last)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return last
}

// A server that stands still for a part F of the window holds up the requests of that part, each until its end: the
// p-th percentile is F less the time in which (1-p) of all requests arrive.
func TestAStallOfTheServerShowsInThePercentiles(t *testing.T) {
	const freeze = 200 * time.Millisecond
	// Whether the schedule was kept is judged where the machine let it be kept.
	for attempt := range 3 {
		server := newTarget(t)
		frozen := make(chan time.Duration, 1)
		hiccups := watchClock(t.Context())
		result := follow(t, post(t.Context(), t, service(t).URL+"/blocks", block(server.URL, 1000)), func(e event) {
			if e.Event == "window-begin" {
				server.gate.Lock()
				begun := time.Now()
				time.AfterFunc(freeze, func() { frozen <- time.Since(begun); server.gate.Unlock() })
			}
		})
		missed := hiccups()
		if result.Event != "result" || result.Errors.Count != 0 {
			t.Fatalf("%s %v", result.Message, result.Errors.Kinds)
		}
		truth := (<-frozen).Seconds() - 0.01*2
		p99, p50 := result.Latency.quantile(0.99), result.Latency.quantile(0.5)
		shows := math.Abs(p99-truth) <= 0.1*truth && p50 <= 0.02
		got := result.Arrivals
		// More than one late arrival in a thousand makes a row invalid.
		if shows && got.Scheduled == 2000 && got.Started == 2000 && got.Late*1000 <= got.Scheduled {
			return
		}
		t.Logf("attempt %d: p99 is %.1f ms, in truth %.1f ms, p50 %.1f ms, arrivals %+v; an idle thread woke more than 10 ms late %d times",
			attempt, p99*1e3, truth*1e3, p50*1e3, got, missed)
		if missed == 0 || attempt == 2 && !shows {
			t.Fatal("the stall does not show as it was, or the schedule was not kept, and the machine was not busy")
		}
	}
}

// watchClock sleeps a millisecond at a time, on a thread of its own, and tells when asked how many times it woke more
// than 10 ms late: what any process on this machine had to suffer.
func watchClock(ctx context.Context) (stop func() int) {
	ctx, cancel := context.WithCancel(ctx)
	late := make(chan int, 1)
	go func() {
		runtime.LockOSThread()
		count := 0
		for ctx.Err() == nil {
			before := time.Now()
			_ = syscall.Nanosleep(&syscall.Timespec{Nsec: int64(time.Millisecond)}, nil)
			if time.Since(before) > 11*time.Millisecond {
				count++
			}
		}
		late <- count
	}()
	return func() int {
		cancel()
		return <-late
	}
}

func TestABlockTellsItsStoryAndCountsEveryRequest(t *testing.T) {
	server := newTarget(t)
	var story []string
	var begin, end event
	asked := block(server.URL+"/path", 500)
	asked.DurationSeconds = 1
	result := follow(t, post(t.Context(), t, service(t).URL+"/blocks", asked), func(e event) {
		story = append(story, e.Event)
		switch e.Event {
		case "ready":
			if got := server.requests.Load(); got < 16 {
				t.Errorf("ready after %d requests on 16 connections", got)
			}
		case "window-begin":
			begin = e
		case "window-end":
			end = e
		}
	})
	if got := strings.Join(story, " "); got != "ready window-begin window-end result" {
		t.Fatalf("events: %s; %+v", got, result)
	}
	if length := end.At - begin.At; length < 0.999 || length > 1.5 || math.Abs(length-result.WindowSeconds) > 0.1 {
		t.Errorf("a window of %.3f s, in the result %.3f s", length, result.WindowSeconds)
	}
	measured := result.Latency.Count + result.Errors.Count
	if result.Arrivals.Scheduled != 500 || measured != result.Arrivals.Started || result.Arrivals.Started+result.Arrivals.Dropped != 500 {
		t.Errorf("arrivals %+v, %d measured", result.Arrivals, measured)
	}
	if got := result.Totals; got.Requests != server.requests.Load() || got.Connections != 16 || got.Reconnects != 0 || got.Requests != 500+150+16 {
		t.Errorf("totals %+v, %d requests served", got, server.requests.Load())
	}
}

func TestARateThatCannotBeSentEndsAndSaysSo(t *testing.T) {
	server := newTarget(t)
	begun := time.Now()
	asked := block(server.URL, 200_000)
	asked.DurationSeconds, asked.TimeoutSeconds = 1, 1
	result := follow(t, post(t.Context(), t, service(t).URL+"/blocks", asked), func(event) {})
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
	missed := result.Arrivals.Dropped + result.Arrivals.Late
	if result.Event != "result" || result.Arrivals.Scheduled != 200_000 || missed < 200 || result.AchievedRate > 190_000 {
		t.Errorf("arrivals %+v, %.0f/s, %s", result.Arrivals, result.AchievedRate, result.Message)
	}
	if result.Latency.Count+result.Errors.Count != result.Arrivals.Started {
		t.Errorf("%d answered, %d errors, %d started", result.Latency.Count, result.Errors.Count, result.Arrivals.Started)
	}
}

func TestAGeneratorThatStandsStillSaysSo(t *testing.T) {
	server := newTarget(t)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "events")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), executable, "run", "--quiet", "--no-usage-report", "--no-thresholds",
		"--summary-mode", "disabled", "--out", "lab="+path, filepath.Join(scripts, "constant-rate.ts"))
	command.Env = append(os.Environ(), "URL="+server.URL, "RATE=1000", "CONNECTIONS=16", "BODY_BYTES=1024",
		"WARMUP_SECONDS=0.3", "DURATION_SECONDS=2", "TIMEOUT_SECONDS=2", "K6_AUTO_EXTENSION_RESOLUTION=false")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- command.Wait()
		// One that ended before it opened its end would be waited for for ever.
		if end, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			end.Close()
		}
	}()
	stream, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	result := events(t, stream, func(e event) {
		if e.Event == "window-begin" {
			_ = command.Process.Signal(syscall.SIGSTOP)
			time.AfterFunc(200*time.Millisecond, func() { _ = command.Process.Signal(syscall.SIGCONT) })
		}
	})
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if missed := result.Arrivals.Dropped + result.Arrivals.Late; missed < 150 {
		t.Errorf("arrivals %+v", result.Arrivals)
	}
	if result.Arrivals.Late > 0 && result.Latency.Max < 0.01 {
		t.Errorf("%d late arrivals, but no latency over %v s", result.Arrivals.Late, result.Latency.Max)
	}
}

func TestABlockThatFailsSaysWhy(t *testing.T) {
	server := newTarget(t)
	lab := service(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	refused := follow(t, post(t.Context(), t, lab.URL+"/blocks", block(closed.URL, 1000)), func(event) {})
	if refused.Event != "error" || !strings.Contains(refused.Message, "16 of 16 connections could not be opened") {
		t.Errorf("%+v", refused)
	}
	short := block(server.URL, 1000)
	short.DurationSeconds = 0.1
	if failed := follow(t, post(t.Context(), t, lab.URL+"/blocks", short), func(event) {}); failed.Event != "error" || !strings.Contains(failed.Stderr, "duration must be at least") {
		t.Errorf("%+v", failed)
	}
	for name, spoil := range map[string]func(*serve.Block){
		"missing script": func(b *serve.Block) { b.Script = "none.ts" },
		"script outside": func(b *serve.Block) { b.Script = "../pacemaker/go.mod" },
		"rate":           func(b *serve.Block) { b.Rate = 0 },
		"timeoutSeconds": func(b *serve.Block) { b.TimeoutSeconds = 0 },
	} {
		bad := block(server.URL, 1000)
		spoil(&bad)
		if response := post(t.Context(), t, lab.URL+"/blocks", bad); response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, response.StatusCode)
		}
	}
}

func TestOneBlockAtATimeAndNoneWithoutItsClient(t *testing.T) {
	server := newTarget(t)
	lab := service(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	long := block(server.URL, 200)
	long.DurationSeconds = 60
	response := post(ctx, t, lab.URL+"/blocks", long)
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || lines.Text() != `{"event":"ready"}` {
		t.Fatalf("%s", lines.Text())
	}
	if second := post(t.Context(), t, lab.URL+"/blocks", block(server.URL, 200)); second.StatusCode != http.StatusConflict {
		t.Errorf("a second block got status %d", second.StatusCode)
	}
	leave()
	after := block(server.URL, 200)
	after.DurationSeconds = 1
	for deadline := time.Now().Add(5 * time.Second); ; {
		next := post(t.Context(), t, lab.URL+"/blocks", after)
		if next.StatusCode == http.StatusOK {
			if result := follow(t, next, func(event) {}); result.Event != "result" {
				t.Errorf("%+v", result)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the block of the client that went away is still running")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestRequestsGoOutOneAfterAnother(t *testing.T) {
	server := newTarget(t)
	lab := service(t)
	var got serve.Replies
	response := post(t.Context(), t, lab.URL+"/requests", serve.Requests{URL: server.URL, Path: "/path", Count: 5, TimeoutSeconds: 5})
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Error != nil || got.Requests != 5 || got.Connections != 1 || got.Statuses[200] != 5 || len(got.LastBody) != 1024 || server.requests.Load() != 5 {
		t.Errorf("%+v", got)
	}
	server.gate.Lock()
	defer server.gate.Unlock()
	response = post(t.Context(), t, lab.URL+"/requests", serve.Requests{URL: server.URL, Count: 5, TimeoutSeconds: 0.1})
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Error == nil || got.Requests != 1 {
		t.Errorf("%+v", got)
	}
}

func TestServeEndsOnSIGTERMAndItsBlockWithIt(t *testing.T) {
	server := newTarget(t)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	command := exec.CommandContext(t.Context(), executable, "serve", "--listen", address, "--scripts", scripts)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		response, err := http.Get(fmt.Sprintf("http://%s/healthz", address))
		if err == nil {
			_ = response.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	long := block(server.URL, 200)
	long.DurationSeconds = 60
	response := post(t.Context(), t, "http://"+address+"/blocks", long)
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() {
		t.Fatal("no event")
	}
	begun := time.Now()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v to end", took)
	}
	for deadline := time.Now().Add(10 * time.Second); server.open.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("k6 still has %d connections", server.open.Load())
		}
	}
}
