// Package histogram counts durations in buckets of constant relative width, in the manner of DDSketch (Masson, Rim, Lee:
// "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", VLDB 2019). Two histograms of
// one relative error merge without loss, by adding their counts.
package histogram

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"
)

// RelativeError is how far a bucket's value may be from a duration that was counted in it, as a part of that duration.
const RelativeError = 0.005

const gamma = (1 + RelativeError) / (1 - RelativeError)

var logGamma = math.Log(gamma)

// Histogram counts durations. Bucket i holds those over gamma^(i-1) and up to gamma^i nanoseconds, `zero` those that
// are not positive. Count, sum, least and greatest are exact. The zero value is empty and ready for use.
type Histogram struct {
	buckets  map[int]int64
	zero     int64
	count    int64
	sum      time.Duration
	min, max time.Duration
}

// Record counts one duration.
func (h *Histogram) Record(d time.Duration) {
	if h.count == 0 || d < h.min {
		h.min = d
	}
	if h.count == 0 || d > h.max {
		h.max = d
	}
	h.count++
	h.sum += d
	if d <= 0 {
		h.zero++
		return
	}
	if h.buckets == nil {
		h.buckets = map[int]int64{}
	}
	h.buckets[index(d)]++
}

// Merge adds what another histogram has counted.
func (h *Histogram) Merge(other *Histogram) {
	if other.count == 0 {
		return
	}
	if h.count == 0 || other.min < h.min {
		h.min = other.min
	}
	if h.count == 0 || other.max > h.max {
		h.max = other.max
	}
	h.count += other.count
	h.sum += other.sum
	h.zero += other.zero
	if h.buckets == nil {
		h.buckets = map[int]int64{}
	}
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
}

// Count is how many durations were counted.
func (h *Histogram) Count() int64 { return h.count }

// Quantile is the value at or below which the part q (0 to 1) of all durations lies, within RelativeError: the value of
// the bucket that holds the one of rank ceil(q*count). False when nothing was counted.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) {
	if h.count == 0 {
		return 0, false
	}
	rank := max(int64(math.Ceil(q*float64(h.count))), 1)
	seen := h.zero
	if seen >= rank {
		return 0, true
	}
	for _, i := range slices.Sorted(maps.Keys(h.buckets)) {
		if seen += h.buckets[i]; seen >= rank {
			return value(i), true
		}
	}
	return h.max, true
}

func index(d time.Duration) int { return int(math.Ceil(math.Log(float64(d)) / logGamma)) }

func value(index int) time.Duration {
	return time.Duration(2 * math.Pow(gamma, float64(index)) / (gamma + 1))
}

type document struct {
	RelativeError float64    `json:"relativeError"`
	Unit          string     `json:"unit"`
	Zero          int64      `json:"zero"`
	Count         int64      `json:"count"`
	Sum           float64    `json:"sum"`
	Min           *float64   `json:"min"`
	Max           *float64   `json:"max"`
	Buckets       [][2]int64 `json:"buckets"`
}

// MarshalJSON writes seconds, and the buckets as pairs of index and count in ascending order of index. The least and
// greatest of an empty histogram are null.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	d := document{
		RelativeError: RelativeError,
		Unit:          "seconds",
		Zero:          h.zero,
		Count:         h.count,
		Sum:           h.sum.Seconds(),
		Buckets:       make([][2]int64, 0, len(h.buckets)),
	}
	if h.count > 0 {
		least, greatest := h.min.Seconds(), h.max.Seconds()
		d.Min, d.Max = &least, &greatest
	}
	for _, i := range slices.Sorted(maps.Keys(h.buckets)) {
		d.Buckets = append(d.Buckets, [2]int64{int64(i), h.buckets[i]})
	}
	return json.Marshal(d)
}
