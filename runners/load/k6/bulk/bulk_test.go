package bulk

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// As iperf 3.12 writes it to a pipe.
const report2 = `word:  Connecting to host 127.0.0.1, port 15201
word:  Reverse mode, remote host 127.0.0.1 is sending
word:  [  5] local 127.0.0.1 port 41526 connected to 127.0.0.1 port 15201
word:  [ ID] Interval           Transfer     Bitrate
word:  [  5]   0.00-0.51   sec   280 MBytes  565438 KBytes/sec                  
word:  [  7]   0.00-0.51   sec   293 MBytes  590644 KBytes/sec                  
word:  [SUM]   0.00-0.51   sec   573 MBytes  1156108 KBytes/sec                  
word:  - - - - - - - - - - - - - - - - - - - - - - - - -
word:  [  5]   0.51-1.00   sec   344 MBytes  712727 KBytes/sec                  
word:  [  7]   0.51-1.00   sec   321 MBytes  666100 KBytes/sec                  
word:  [SUM]   0.51-1.00   sec   665 MBytes  1378802 KBytes/sec                  
word:  - - - - - - - - - - - - - - - - - - - - - - - - -
word:  [ ID] Interval           Transfer     Bitrate         Retr
word:  [  5]   0.00-1.01   sec   628 MBytes  639306 KBytes/sec    4             sender
word:  [  5]   0.00-1.00   sec   624 MBytes  638095 KBytes/sec                  receiver
word:  [SUM]   0.00-1.01   sec  1.22 GBytes  1268424 KBytes/sec    4             sender
word:  [SUM]   0.00-1.00   sec  1.21 GBytes  1265962 KBytes/sec                  receiver
word:  
word:  iperf Done.
`

func TestAReportSaysWhatCameWithinTheWindowAndInAll(t *testing.T) {
	asked := Bulk{Address: "127.0.0.1:15201", Streams: 2, WriteBytes: 65536, WarmupSeconds: 0.5, DurationSeconds: 0.5}
	var told []string
	reading := Read(asked, func() { told = append(told, "begin") }, func() { told = append(told, "end") })
	for line := range strings.Lines(report2) {
		reading.Line(line)
	}
	result, err := reading.Result()
	if err != nil || !slices.Equal(told, []string{"begin", "end"}) {
		t.Fatalf("%v, %v, %v", result, err, told)
	}
	rate := float64(result.Bytes) / result.WindowSeconds
	if math.Abs(rate/(1378802<<10)-1) > 0.01 {
		t.Errorf("%v bytes per second", rate)
	}
	low, high := 1.205, 1.225
	if result.Connections != 3 || result.ReceivedAtLeast != int64(low*(1<<30)) || result.SentAtMost != int64(high*(1<<30)) {
		t.Errorf("%+v", result)
	}
}

func TestOneStreamIsItsOwnSum(t *testing.T) {
	line := "[  5]   0.00-0.25   sec   9.50 KBytes  38.0 KBytes/sec"
	told, ok := readInterval(line, 1)
	if !ok || told.bytesPerSecond != 38<<10 || told.least != 9722 || told.most != 9733 {
		t.Errorf("%+v %v", told, ok)
	}
	if _, ok := readInterval(line, 2); ok {
		t.Error("of two streams, one was taken for both")
	}
}

func TestATestThatBreaksOffHasNoResult(t *testing.T) {
	asked := Bulk{Address: "127.0.0.1:15201", Streams: 2, WriteBytes: 65536, WarmupSeconds: 0.5, DurationSeconds: 5}
	reading := Read(asked, func() {}, func() {})
	for line := range strings.Lines(report2) {
		reading.Line(line)
	}
	if result, err := reading.Result(); err == nil {
		t.Errorf("%+v", result)
	}
}

func TestWhatIsAskedIsChecked(t *testing.T) {
	good := Bulk{Address: "10.0.0.1:5201", Streams: 1, WriteBytes: 65536, DurationSeconds: 1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*Bulk){
		func(b *Bulk) { b.Address = "workload:5201" },
		func(b *Bulk) { b.Streams = 0 },
		func(b *Bulk) { b.WriteBytes = 0 },
		func(b *Bulk) { b.DurationSeconds = 0 },
		func(b *Bulk) { b.DurationSeconds = 601 },
	} {
		bad := good
		change(&bad)
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}
