package wire

import (
	"bytes"
	"errors"
	"fmt"
)

// head is what matters of an answer's head (RFC 9112). bodyBytes is -1 where it does not say how long the body is.
type head struct {
	status    int
	bodyBytes int64
	close     bool
}

var errHead = errors.New("the answer is not HTTP/1.1")

// headLength is the length of the head with its empty line, 0 where it is not whole yet. What lies before `from` is
// known to hold no end.
func headLength(data []byte, from int) int {
	if i := bytes.Index(data[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 4
	}
	return 0
}

func parseHead(data []byte) (head, error) {
	if len(data) < 12 || !bytes.HasPrefix(data, []byte("HTTP/1.")) || data[8] != ' ' {
		return head{}, fmt.Errorf("%w: %.40q", errHead, data)
	}
	status, ok := number(data[9:12])
	if !ok {
		return head{}, fmt.Errorf("%w: %.40q", errHead, data)
	}
	parsed := head{status: int(status), bodyBytes: -1, close: data[7] == '0'}
	_, data, _ = bytes.Cut(data, []byte("\r\n"))
	for {
		line, rest, _ := bytes.Cut(data, []byte("\r\n"))
		if len(line) == 0 {
			break
		}
		data = rest
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			if parsed.bodyBytes, ok = number(value); !ok {
				return head{}, fmt.Errorf("%w: content-length %.40q", errHead, value)
			}
		case bytes.EqualFold(name, []byte("connection")):
			parsed.close = parsed.close || bytes.EqualFold(value, []byte("close"))
		}
	}
	if status == 204 || status == 304 {
		parsed.bodyBytes = 0
	}
	return parsed, nil
}

// number reads decimal digits and nothing else.
func number(digits []byte) (int64, bool) {
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for _, digit := range digits {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = n*10 + int64(digit-'0')
	}
	return n, true
}
