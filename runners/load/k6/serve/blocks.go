package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Block asks for one run of a script. The script finds the other fields in its environment as URL, RATE, CONNECTIONS,
// BODY_BYTES, HEADERS (JSON), WARMUP_SECONDS, DURATION_SECONDS and TIMEOUT_SECONDS.
type Block struct {
	// Script is a path inside the folder of scripts.
	Script          string  `json:"script"`
	URL             string  `json:"url"`
	Rate            int     `json:"rate"`
	Connections     int     `json:"connections"`
	WarmupSeconds   float64 `json:"warmupSeconds"`
	DurationSeconds float64 `json:"durationSeconds"`
	// TimeoutSeconds bounds each request, and how long the last ones are waited for.
	TimeoutSeconds float64 `json:"timeoutSeconds"`
	// BodyBytes is how long the body of every good answer is; 1024 where it is not given.
	BodyBytes *int64            `json:"bodyBytes,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
}

const defaultBodyBytes = 1024

// spareTime is what k6 may take beyond the load itself: starting, connecting, ending.
const spareTime = 10 * time.Second

func (b Block) validate() error {
	switch {
	case !filepath.IsLocal(b.Script):
		return fmt.Errorf("script: %q is not a path inside the folder of scripts", b.Script)
	case b.Rate < 1 || b.Connections < 1:
		return errors.New("rate and connections must be whole numbers from 1 on")
	case !(b.DurationSeconds > 0) || !(b.TimeoutSeconds > 0) || !(b.WarmupSeconds >= 0):
		return errors.New("durationSeconds and timeoutSeconds must be over 0, warmupSeconds 0 or more")
	}
	return nil
}

// environment is what the script finds in __ENV, in the form of os.Environ.
func (b Block) environment() []string {
	bodyBytes := int64(defaultBodyBytes)
	if b.BodyBytes != nil {
		bodyBytes = *b.BodyBytes
	}
	// A map of strings can always be encoded.
	headers, _ := json.Marshal(b.Headers)
	float := func(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }
	return []string{
		"URL=" + b.URL,
		"RATE=" + strconv.Itoa(b.Rate),
		"CONNECTIONS=" + strconv.Itoa(b.Connections),
		"BODY_BYTES=" + strconv.FormatInt(bodyBytes, 10),
		"HEADERS=" + string(headers),
		"WARMUP_SECONDS=" + float(b.WarmupSeconds),
		"DURATION_SECONDS=" + float(b.DurationSeconds),
		"TIMEOUT_SECONDS=" + float(b.TimeoutSeconds),
	}
}

// longest is when k6 must have ended.
func (b Block) longest() time.Duration {
	return time.Duration((b.WarmupSeconds+b.DurationSeconds+2*b.TimeoutSeconds)*float64(time.Second)) + spareTime
}

// blocks runs one block at a time: two generators at once would measure each other.
type blocks struct {
	executable, scripts string
	running             sync.Mutex
}

func newBlocks(executable, scripts string) *blocks {
	return &blocks{executable: executable, scripts: scripts}
}

func (b *blocks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var block Block
	err := decode(w, r, &block)
	if err == nil {
		err = block.validate()
	}
	script := filepath.Join(b.scripts, block.Script)
	if err == nil {
		_, err = os.Stat(script)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if !b.running.TryLock() {
		refuse(w, http.StatusConflict, errors.New("another block is running"))
		return
	}
	defer b.running.Unlock()

	w.Header().Set("Content-Type", "application/x-ndjson")
	stream := http.NewResponseController(w)
	_ = stream.Flush()
	send := func(line []byte) {
		_, _ = w.Write(append(line, '\n'))
		_ = stream.Flush()
	}
	told := false
	var reason string
	stderr, err := runScript(r.Context(), b.executable, script, block, func(line []byte) {
		var event struct{ Event, Message string }
		if json.Unmarshal(line, &event) == nil && event.Event == "error" {
			reason = event.Message
			return
		}
		told = told || event.Event == "result"
		send(bytes.Clone(line))
	})
	if told {
		return
	}
	if reason == "" {
		reason = "k6 ended without a result"
		if err != nil {
			reason += ": " + err.Error()
		}
	}
	// Strings can always be encoded.
	line, _ := json.Marshal(failure{"error", reason, stderr})
	send(line)
}

// failure is the last event of a block that has no result. Stderr holds the last lines that k6 wrote there.
type failure struct {
	Event   string `json:"event"`
	Message string `json:"message"`
	Stderr  string `json:"stderr"`
}
