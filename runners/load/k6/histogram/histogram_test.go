package histogram

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreWithinTheRelativeError(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	durations := make([]time.Duration, 20000)
	for i := range durations {
		durations[i] = time.Duration(math.Exp(random.NormFloat64()*2) * 300_000)
		h.Record(durations[i])
	}
	slices.Sort(durations)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		truth := durations[max(int(math.Ceil(q*float64(len(durations)))), 1)-1]
		got, ok := h.Quantile(q)
		if off := math.Abs(float64(got-truth)) / float64(truth); !ok || off > RelativeError+1e-6 {
			t.Errorf("quantile %v: %v, in truth %v: off by %.3f %%", q, got, truth, 100*off)
		}
	}
}

func TestMergingLosesNothing(t *testing.T) {
	var all, left, right Histogram
	for i := range 5000 {
		d := time.Duration(i*i) * time.Microsecond
		all.Record(d)
		if i%3 == 0 {
			left.Record(d)
		} else {
			right.Record(d)
		}
	}
	var merged Histogram
	merged.Merge(&left)
	merged.Merge(&right)
	merged.Merge(&Histogram{})
	want, got := marshal(t, &all), marshal(t, &merged)
	if want != got {
		t.Errorf("merged\n%s\nis not\n%s", got, want)
	}
}

// The exact text is the contract with the TypeScript side, which has the same case.
func TestJSON(t *testing.T) {
	var h Histogram
	for _, d := range []time.Duration{0, 1, 100_000, 100_000, 250_000_000} {
		h.Record(d)
	}
	want := `{"relativeError":0.005,"unit":"seconds","zero":1,"count":5,"sum":0.250200001,"min":0,"max":0.25,"buckets":[[0,1],[1152,2],[1934,1]]}`
	if got := marshal(t, &h); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = `{"relativeError":0.005,"unit":"seconds","zero":0,"count":0,"sum":0,"min":null,"max":null,"buckets":[]}`
	if got := marshal(t, &Histogram{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func marshal(t *testing.T, h *Histogram) string {
	t.Helper()
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
