package serve

import (
	"encoding/json"
	"net/http"
	"time"
)

// lines begins an answer of lines of JSON, each of which is sent at once.
func lines(w http.ResponseWriter) func(value any) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	stream := http.NewResponseController(w)
	_ = stream.Flush()
	encoder := json.NewEncoder(w)
	return func(value any) {
		_ = encoder.Encode(value)
		_ = stream.Flush()
	}
}

// windowEvent tells that a measured window begins or ends, now.
func windowEvent(send func(value any), event string) func() {
	return func() {
		send(struct {
			Event string  `json:"event"`
			At    float64 `json:"at"`
		}{event, float64(time.Now().UnixNano()) / 1e9})
	}
}
