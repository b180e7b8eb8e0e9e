package wire

import (
	"errors"
	"strings"
	"testing"
)

// parse gives a parser a stream in pieces of that length, and returns the answers in it.
func parse(t *testing.T, p *Parser, stream string, piece int) ([]Answer, error) {
	t.Helper()
	var answers []Answer
	for len(stream) > 0 {
		n := copy(p.Space(), stream[:min(piece, len(stream))])
		stream = stream[n:]
		for more := n; ; more = 0 {
			answer, whole, err := p.Next(more)
			if err != nil {
				return answers, err
			}
			if !whole {
				break
			}
			answers = append(answers, answer)
		}
	}
	return answers, nil
}

func TestAnswersAreFoundHoweverTheirBytesCome(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	stream := "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" +
		"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + long + "HTTP/1.1 204 Nothing\r\n\r\n"
	want := []Answer{{Status: 200, BodyBytes: 5}, {Status: 503, Close: true}, {Status: 200, BodyBytes: 200_000}, {Status: 204}}
	for _, piece := range []int{1, 7, 64, 4096, 1 << 20} {
		p := NewParser()
		answers, err := parse(t, p, stream, piece)
		if err != nil || len(answers) != len(want) || p.Ended() != nil {
			t.Fatalf("pieces of %d: %v, %v, %v", piece, answers, err, p.Ended())
		}
		for i := range want {
			if answers[i] != want[i] {
				t.Errorf("pieces of %d: answer %d is %+v", piece, i, answers[i])
			}
		}
	}
}

func TestAnAnswerThatIsNoneOrHasNoLengthIsAnError(t *testing.T) {
	for stream, want := range map[string]error{
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n": ErrLength,
		"SSH-2.0-OpenSSH\r\n\r\n": errHead,
	} {
		if _, err := parse(t, NewParser(), stream, 1000); !errors.Is(err, want) {
			t.Errorf("%q: %v", stream, err)
		}
	}
	if _, err := parse(t, NewParser(), "HTTP/1.1 200 OK\r\n"+strings.Repeat("x", 2*bufferBytes), 1000); err == nil {
		t.Error("a head without end is read")
	}
}

func TestTheEndOfAStreamWithinAnAnswerIsTold(t *testing.T) {
	p := NewParser()
	if _, err := parse(t, p, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", 1000); err != nil || !errors.Is(p.Ended(), ErrLength) {
		t.Errorf("in the body: %v, %v", err, p.Ended())
	}
	p.Reset()
	if p.Ended() != nil {
		t.Error("one that forgot all still has an answer under way")
	}
	if _, err := parse(t, p, "HTTP/1.1 2", 1000); err != nil || p.Ended() == nil {
		t.Error("in the head: not told")
	}
}

func TestParsingAllocatesNothing(t *testing.T) {
	p := NewParser()
	answer := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
	if got := testing.AllocsPerRun(100, func() { _, _, _ = p.Next(copy(p.Space(), answer)) }); got != 0 {
		t.Errorf("%v allocations for each answer", got)
	}
}
