package wire

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

func TestTheKernelSaysWhenAnAnswerHadComeHoweverLateItIsRead(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	stamped, written := make(chan struct{}), make(chan time.Time, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		<-stamped
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		written <- time.Now()
		_ = conn.Close()
	}()
	var counters Counters
	conn, err := Dial(context.Background(), listener.Addr().String(), &counters)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := time.Now()
	if err := conn.Stamp(); err != nil {
		t.Fatal(err)
	}
	close(stamped)
	after := <-written
	const late = 100 * time.Millisecond
	time.Sleep(late)
	answer, err := conn.Receive(nil)
	if err != nil || answer.Status != 200 {
		t.Fatalf("%+v, %v", answer, err)
	}
	if answer.At.Before(before) || answer.At.After(after.Add(late/2)) {
		t.Errorf("it came at %v, and was written between %v and %v", answer.At, before, after)
	}
}

func TestAnswersWithTimesAreReadAsOthers(t *testing.T) {
	stream := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	conn, counters := scripted(t, stream[:10], stream[10:], stream)
	if err := conn.Stamp(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		answer, err := conn.Receive(nil)
		if err != nil || answer.BodyBytes != 2 || time.Since(answer.At) > time.Minute {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
	if _, err := conn.Receive(nil); err == nil {
		t.Error("the end was not told")
	}
	if got := counters.BytesReceived.Load(); got != int64(2*len(stream)) {
		t.Errorf("counted %d bytes of %d", got, 2*len(stream))
	}
}
