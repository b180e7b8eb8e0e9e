package lab

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// paced sends a load by Pace to a server that answers by `handle`; `n` counts its requests from 0.
func paced(t *testing.T, load Load, handle func(n int64, w http.ResponseWriter)) (*Result, error) {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		handle(requests.Add(1)-1, w)
	}))
	defer server.Close()
	load.URL = server.URL
	var told []string
	result, err := Pace{load, 50}.Run(context.Background(),
		func() { told = append(told, "begin") }, func() { told = append(told, "end") })
	if err == nil && (len(told) != 2 || told[0] != "begin" || told[1] != "end") {
		t.Errorf("it told of %v", told)
	}
	return result, err
}

func quantile(t *testing.T, result *Result, q float64) time.Duration {
	t.Helper()
	value, ok := result.Latency.Quantile(q)
	if !ok {
		t.Fatal("nothing was answered")
	}
	return value
}

func TestAPaceSendsEachRequestWhenItIsDue(t *testing.T) {
	asked := load(500, 4)
	asked.WarmupSeconds = 0.2
	result, err := paced(t, asked, func(_ int64, w http.ResponseWriter) { good(w) })
	if err != nil {
		t.Fatal(err)
	}
	if result.Latency.Count() != 500 || result.Wire.Count() != 500 || result.Lateness.Count() != 500 || result.Arrivals.Dropped != 0 {
		t.Errorf("%d answered, %d on the wire, arrivals %+v", result.Latency.Count(), result.Wire.Count(), result.Arrivals)
	}
	if totals := result.Totals; totals.Requests != 604 || totals.Connections != 4 {
		t.Errorf("totals %+v", totals)
	}
	late, _ := result.Lateness.Quantile(0.5)
	if late > 200*time.Microsecond {
		t.Errorf("half of the arrivals were more than %v late", late)
	}
	seen, wire := quantile(t, result, 0.5), func() time.Duration { v, _ := result.Wire.Quantile(0.5); return v }()
	if wire <= 0 || wire > seen {
		t.Errorf("a request took %v, of which %v on the wire", seen, wire)
	}
}

func TestAStallOfTheServerCountsForEveryRequestThatItDelays(t *testing.T) {
	const stall = 200 * time.Millisecond
	var until atomic.Int64
	result, err := paced(t, load(1000, 4), func(n int64, w http.ResponseWriter) {
		if n == 500 {
			until.Store(time.Now().Add(stall).UnixNano())
		}
		// All handlers stand still together, as a process that is stopped does.
		if left := time.Until(time.Unix(0, until.Load())); left > 0 {
			time.Sleep(left)
		}
		good(w)
	})
	if err != nil {
		t.Fatal(err)
	}
	// A fifth of the requests fell due during the stall: the p90 lies in its middle, the greatest at its beginning.
	if p90, p70 := quantile(t, result, 0.9), quantile(t, result, 0.7); p90 < 70*time.Millisecond || p90 > 170*time.Millisecond || p70 > 50*time.Millisecond {
		t.Errorf("p70 %v, p90 %v", p70, p90)
	}
	if greatest := quantile(t, result, 1); greatest < 190*time.Millisecond {
		t.Errorf("the greatest latency is %v", greatest)
	}
}

func TestAPaceThatIsInterruptedEndsAtOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { good(w) }))
	defer server.Close()
	asked := load(100, 2)
	asked.URL, asked.DurationSeconds = server.URL, 30
	ctx, cancel := context.WithCancel(context.Background())
	begun := time.Now()
	_, err := Pace{asked, 0}.Run(ctx, cancel, func() {})
	if err == nil || time.Since(begun) > 5*time.Second {
		t.Errorf("it ended after %v with %v", time.Since(begun), err)
	}
}

func TestAPaceSpinsForATwentiethOfTheTimeAtMost(t *testing.T) {
	for rate, want := range map[int]time.Duration{100: 50 * time.Microsecond, 1000: 50 * time.Microsecond, 10_000: 5 * time.Microsecond} {
		if got := (Pace{load(rate, 1), 50}).spin(); got != want {
			t.Errorf("at %d/s: %v", rate, got)
		}
	}
}

func TestAPaceRefusesWhatItCannotSend(t *testing.T) {
	good := Pace{load(100, 2), 50}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Pace){
		"no rate":         func(p *Pace) { p.Rate = 0 },
		"no connections":  func(p *Pace) { p.Connections = 0 },
		"too many":        func(p *Pace) { p.Connections = 1001 },
		"hours":           func(p *Pace) { p.DurationSeconds = 3600 },
		"a negative spin": func(p *Pace) { p.SpinMicroseconds = -1 },
		"a long spin":     func(p *Pace) { p.SpinMicroseconds = 5000 },
	} {
		pace := good
		change(&pace)
		if pace.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
