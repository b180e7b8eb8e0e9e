package wire

import "errors"

// Parser finds the answers in a stream whose bytes come in pieces, for whoever may not wait for the next piece. Bodies are
// counted and thrown away. It allocates nothing but its buffer.
type Parser struct {
	buffer     []byte
	start, end int
	answer     Answer
	inBody     bool
	left       int64
}

// NewParser makes one that has seen nothing.
func NewParser() *Parser { return &Parser{buffer: make([]byte, bufferBytes)} }

// Space is where the next bytes belong; it always has room.
func (p *Parser) Space() []byte { return p.buffer[p.end:] }

// Next looks at what is there once n more bytes are in Space; `whole` says that an answer is. Its time is left to the caller.
// Errors are those of Conn.Receive.
func (p *Parser) Next(n int) (answer Answer, whole bool, err error) {
	p.end += n
	for !p.inBody {
		length := headLength(p.buffer[p.start:p.end], 0)
		if length == 0 {
			p.makeRoom()
			if p.end == len(p.buffer) {
				return Answer{}, false, errors.New("the answer's head is too long")
			}
			return Answer{}, false, nil
		}
		head, err := parseHead(p.buffer[p.start : p.start+length])
		if err != nil {
			return Answer{}, false, err
		}
		p.start += length
		if head.status >= 100 && head.status < 200 {
			continue
		}
		if head.bodyBytes < 0 {
			return Answer{}, false, ErrLength
		}
		p.answer = Answer{Status: head.status, BodyBytes: head.bodyBytes, Close: head.close}
		p.inBody, p.left = true, head.bodyBytes
	}
	part := min(p.left, int64(p.end-p.start))
	p.start, p.left = p.start+int(part), p.left-part
	p.makeRoom()
	if p.left > 0 {
		return Answer{}, false, nil
	}
	p.inBody = false
	return p.answer, true, nil
}

// Ended is what the end of the stream means for the answer under way: nil where there is none.
func (p *Parser) Ended() error {
	switch {
	case p.inBody:
		return ErrLength
	case p.end > p.start:
		return errors.New("the answer's head is not whole")
	}
	return nil
}

// Reset forgets all, for a new stream.
func (p *Parser) Reset() { p.start, p.end, p.inBody, p.left = 0, 0, false, 0 }

func (p *Parser) makeRoom() {
	copy(p.buffer, p.buffer[p.start:p.end])
	p.start, p.end = 0, p.end-p.start
}
