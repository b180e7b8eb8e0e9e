package lab

import (
	"slices"
	"time"

	"datapath-lab/runners/k6/histogram"
)

// lateThreshold is from when on an arrival counts as late. Its latency counts from its tick all the same.
//
// Measured on 2 shared cores at 1000/s, greatest lateness in 4 s: 0.4 to 4 ms when idle, 4 to 7 ms with a busy loop on one
// core, 6 to 8 ms with one on each (a turn of the kernel's scheduler is 3 to 4 ms), 11 ms with two on each. So more than
// 0.1 % beyond 10 ms says that the generator had less than its share of a core, or that the machine stood still.
const lateThreshold = 10 * time.Millisecond

// Result is what one load came to. All but Totals is of the measured window alone.
type Result struct {
	RequestedRate float64 `json:"requestedRate"`
	// AchievedRate is of requests answered well, per second of the window.
	AchievedRate  float64             `json:"achievedRate"`
	WindowSeconds float64             `json:"windowSeconds"`
	Connections   int                 `json:"connections"`
	Latency       histogram.Histogram `json:"latency"`
	Errors        Errors              `json:"errors"`
	Arrivals      Arrivals            `json:"arrivals"`
	Totals        Totals              `json:"totals"`
}

// Errors are requests that had no good answer, by kind (status, length, timeout, reset, connect), with the time from
// their tick to their end.
type Errors struct {
	Count   int64               `json:"count"`
	Kinds   map[string]int64    `json:"kinds"`
	Latency histogram.Histogram `json:"latency"`
}

// Arrivals says how well the schedule was kept: scheduled = started + dropped. A tick that the executor never came to is
// dropped too.
type Arrivals struct {
	Scheduled            int64     `json:"scheduled"`
	Started              int64     `json:"started"`
	Dropped              int64     `json:"dropped"`
	Late                 int64     `json:"late"`
	LateThresholdSeconds float64   `json:"lateThresholdSeconds"`
	Lateness             *Lateness `json:"lateness"`
}

// Lateness is the time from tick to arrival in seconds; null where nothing arrived.
type Lateness struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Totals count everything since the process started, warm-up and the opening of connections included. Bytes are those
// of HTTP, as plaintext on the socket.
type Totals struct {
	Requests      int64 `json:"requests"`
	Connections   int64 `json:"connections"`
	BytesSent     int64 `json:"bytesSent"`
	BytesReceived int64 `json:"bytesReceived"`
	Reconnects    int64 `json:"reconnects"`
}

// result works out what a drained pool recorded. Start and drops are times since the log's base, drops in ascending
// order.
func (p *pool) result(start time.Duration, drops []time.Duration) *Result {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	first, last := p.load.warmupTicks(), p.load.ticks()
	begin, windowEnd := p.load.window()
	end := windowEnd
	result := &Result{
		RequestedRate: float64(p.load.Rate),
		Connections:   p.load.Connections,
		Errors:        Errors{Kinds: map[string]int64{}},
		Arrivals:      Arrivals{Scheduled: int64(last - first), LateThresholdSeconds: lateThreshold.Seconds()},
		Totals: Totals{
			Requests:      p.counters.Requests.Load(),
			Connections:   p.counters.Connections.Load(),
			BytesSent:     p.counters.BytesSent.Load(),
			BytesReceived: p.counters.BytesReceived.Load(),
			Reconnects:    p.reconnects.Load(),
		},
	}
	arrivals := make([]time.Duration, p.log.length)
	for i := range arrivals {
		arrivals[i] = p.log.at(i).arrival
	}
	lateness := make([]time.Duration, 0, last-first)
	for i, tick := range assignTicks(arrivals, drops) {
		if tick < first || tick >= last {
			continue
		}
		r := p.log.at(i)
		due := start + time.Duration(tick)*p.load.period()
		late := r.arrival - due
		lateness = append(lateness, late)
		if late > lateThreshold {
			result.Arrivals.Late++
		}
		end = max(end, r.end-start)
		if r.outcome == answered {
			result.Latency.Record(r.end - due)
			continue
		}
		result.Errors.Count++
		result.Errors.Kinds[r.outcome.kind()]++
		result.Errors.Latency.Record(r.end - due)
	}
	result.Arrivals.Started = int64(len(lateness))
	result.Arrivals.Dropped = result.Arrivals.Scheduled - result.Arrivals.Started
	result.Arrivals.Lateness = summarize(lateness)
	result.WindowSeconds = (end - begin).Seconds()
	result.AchievedRate = float64(result.Latency.Count()) / result.WindowSeconds
	return result
}

func summarize(lateness []time.Duration) *Lateness {
	if len(lateness) == 0 {
		return nil
	}
	slices.Sort(lateness)
	at := func(q float64) float64 { return lateness[int(q*float64(len(lateness)-1))].Seconds() }
	return &Lateness{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1)}
}
