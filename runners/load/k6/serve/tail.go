package serve

import (
	"bytes"
	"strings"
	"sync"
)

// tailBytes is how much of a stream's end is kept.
const tailBytes = 4 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mutex sync.Mutex
	end   []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.end = append(t.end, p...)
	if cut := len(t.end) - tailBytes; cut > 0 {
		// Begin with a whole line.
		if line := bytes.IndexByte(t.end[cut:], '\n'); line >= 0 {
			cut += line + 1
		}
		t.end = bytes.Clone(t.end[cut:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return strings.TrimSpace(string(t.end))
}
