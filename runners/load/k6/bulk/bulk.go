package bulk

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"
)

// Bulk asks for one test of iperf3's. The server sends and this end receives, so that what is counted has arrived. With
// Bytes it ends after so many; else after WarmupSeconds and DurationSeconds, rounded up to whole seconds, of which
// iperf3 counts nothing less.
type Bulk struct {
	// Address is `host:port` of an iperf3 server.
	Address string `json:"address"`
	Streams int    `json:"streams"`
	// WriteBytes is what the server hands to its socket at once.
	WriteBytes      int     `json:"writeBytes"`
	WarmupSeconds   float64 `json:"warmupSeconds"`
	DurationSeconds float64 `json:"durationSeconds"`
	Bytes           int64   `json:"bytes"`
	// Title goes to the server among the parameters of the test, where a capture can look for it.
	Title string `json:"title"`
}

// Result is what came within the window, and in all.
type Result struct {
	WindowSeconds float64 `json:"windowSeconds"`
	// Bytes came within the window.
	Bytes int64 `json:"bytes"`
	// Connections are one for each stream, and the one that controls the test.
	Connections int `json:"connections"`
	// ReceivedAtLeast and SentAtMost are of the whole test: what this end has taken and what the server has given. iperf3
	// shows three digits of them, and what is under way at the end is not taken.
	ReceivedAtLeast int64 `json:"receivedAtLeast"`
	SentAtMost      int64 `json:"sentAtMost"`
}

const (
	mostStreams    = 128
	mostWriteBytes = 1 << 20
	longestSeconds = 600
	// report is how often iperf3 tells of what has come: windows begin and end with such a report.
	report = 0.25
	// connectMs bounds the opening of the connection that controls a test.
	connectMs = 5000
)

// Validate says what is wrong with it.
func (b Bulk) Validate() error {
	_, err := netip.ParseAddrPort(b.Address)
	switch {
	case err != nil:
		return fmt.Errorf("address: %w", err)
	case b.Streams < 1 || b.Streams > mostStreams:
		return fmt.Errorf("streams must be a whole number from 1 to %d", mostStreams)
	case b.WriteBytes < 1 || b.WriteBytes > mostWriteBytes:
		return fmt.Errorf("writeBytes must be a whole number from 1 to %d", mostWriteBytes)
	case b.Bytes < 0 || (b.Bytes == 0 && !(b.DurationSeconds > 0)) || !(b.WarmupSeconds >= 0):
		return errors.New("bytes or durationSeconds must be over 0, warmupSeconds 0 or more")
	case b.WarmupSeconds+b.DurationSeconds > longestSeconds:
		return fmt.Errorf("it must not take more than %d s", longestSeconds)
	}
	return nil
}

// Command is the command line of iperf3.
func (b Bulk) Command() []string {
	address := netip.MustParseAddrPort(b.Address)
	command := []string{
		"iperf3", "--client", address.Addr().String(), "--port", strconv.Itoa(int(address.Port())),
		"--reverse", "--parallel", strconv.Itoa(b.Streams), "--length", strconv.Itoa(b.WriteBytes),
		"--format", "K", "--forceflush",
		"--interval", strconv.FormatFloat(report, 'f', -1, 64), "--connect-timeout", strconv.Itoa(connectMs),
	}
	if b.Title != "" {
		command = append(command, "--title", b.Title)
	}
	if b.Bytes > 0 {
		return append(command, "--bytes", strconv.FormatInt(b.Bytes, 10))
	}
	return append(command, "--time", strconv.Itoa(int(math.Ceil(b.WarmupSeconds+b.DurationSeconds))))
}

// Reading follows the report of a test as its lines come.
type Reading struct {
	asked                  Bulk
	windowBegin, windowEnd func()
	began                  time.Time
	// weighted is bytes per second times seconds, of the window's reports, and covered the seconds.
	weighted, covered float64
	windowSeconds     float64
	sent, received    *interval
}

// Read begins to follow a test, and calls back as its measured window begins and ends.
func Read(asked Bulk, windowBegin, windowEnd func()) *Reading {
	reading := &Reading{asked: asked, windowBegin: windowBegin, windowEnd: windowEnd}
	if asked.Bytes == 0 && asked.WarmupSeconds == 0 {
		reading.begin()
	}
	return reading
}

func (r *Reading) begin() {
	r.began = time.Now()
	r.windowBegin()
}

// Line takes one line of iperf3's output.
func (r *Reading) Line(line string) {
	told, ok := readInterval(line, r.asked.Streams)
	if !ok {
		return
	}
	switch {
	case told.role == "sender":
		r.sent = &told
	case told.role == "receiver":
		r.received = &told
	case r.asked.Bytes > 0 || r.windowSeconds > 0:
	case r.began.IsZero():
		if told.to >= r.asked.WarmupSeconds-report/10 {
			r.begin()
		}
	default:
		r.weighted += told.bytesPerSecond * (told.to - told.from)
		r.covered += told.to - told.from
		if told.to >= r.asked.WarmupSeconds+r.asked.DurationSeconds-report/10 {
			r.windowSeconds = time.Since(r.began).Seconds()
			r.windowEnd()
		}
	}
}

// Result is what the test came to, once iperf3 has ended.
func (r *Reading) Result() (Result, error) {
	if r.sent == nil || r.received == nil {
		return Result{}, errors.New("iperf3 did not say what was sent and received")
	}
	if r.asked.Bytes == 0 && !(r.windowSeconds > 0 && r.covered > 0) {
		return Result{}, errors.New("iperf3 ended before the measured window did")
	}
	result := Result{
		WindowSeconds:   r.windowSeconds,
		Connections:     r.asked.Streams + 1,
		ReceivedAtLeast: r.received.least,
		SentAtMost:      r.sent.most,
	}
	if r.covered > 0 {
		result.Bytes = int64(r.weighted / r.covered * r.windowSeconds)
	}
	return result, nil
}
