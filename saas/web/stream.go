package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/live"
)

// writeTime is how long a part of a stream may take to be written.
const writeTime = 10 * time.Second

// botStream sends what happens to a bot as server-sent events: each update
// under its type, and "hello" with the market's time, first and whenever
// nothing else was sent for a while. It ends when the session does; the browser
// then asks again.
func (w *Web) botStream(rq *request) error {
	b, err := w.cfg.Bots.Bot(rq.Context(), rq.who, rq.PathValue("id"))
	if err != nil {
		return err
	}
	leave, err := w.cfg.Streams.Enter(rq.who.TenantID)
	if err != nil {
		return err
	}
	defer leave()
	updates, err := w.cfg.Live.Subscribe(rq.Context(), rq.who.TenantID, b.ID)
	if err != nil {
		return err
	}
	out := w.beginStream(rq)

	beat := time.NewTicker(w.cfg.Heartbeat)
	defer beat.Stop()
	if err := w.hello(rq, b); err != nil {
		return nil
	}
	for {
		select {
		case <-rq.Context().Done():
			return nil
		case u, ok := <-updates:
			if !ok {
				return nil
			}
			if err := write(rq.w, u); err != nil {
				return nil
			}
			if len(updates) > 0 {
				continue // flush once for what is waiting
			}
			if err := out.Flush(); err != nil {
				return nil
			}
		case <-beat.C:
			if _, err := w.cfg.Tenancy.Authenticate(rq.Context(), rq.access); err != nil {
				return nil
			}
			if b, err = w.cfg.Bots.Bot(rq.Context(), rq.who, b.ID); err != nil {
				return nil
			}
			if err := w.hello(rq, b); err != nil {
				return nil
			}
		}
	}
}

// beginStream sends the head of a stream.
func (w *Web) beginStream(rq *request) *http.ResponseController {
	out := http.NewResponseController(rq.w)
	rq.w = paced{rq.w}
	h := rq.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	rq.w.WriteHeader(http.StatusOK)
	return out
}

// paced gives each write to a stream a time of its own: a server's time for a
// whole answer is meant for pages, and a reader that stands still must not hold
// a stream for ever.
type paced struct{ http.ResponseWriter }

// Write implements io.Writer.
func (p paced) Write(b []byte) (int, error) {
	err := http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTime)) // a deadline of the network, not of the business
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (p paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// hello tells the browser the market's time and how the bot stands.
func (w *Web) hello(rq *request, b bot.Bot) error {
	_, err := fmt.Fprintf(rq.w, "event: hello\ndata: {\"market_time\":%d,\"status\":%s,\"reason\":%s,\"guarded\":%t}\n\n",
		w.cfg.MarketTime().UnixMilli(), quoted(string(b.Status)), quoted(b.Reason), b.Guarded())
	if err != nil {
		return err
	}
	return http.NewResponseController(rq.w).Flush()
}

// write sends one update; its data is JSON without line breaks, or is made so.
func write(rw http.ResponseWriter, u live.Update) error {
	typ := strings.NewReplacer("\r", "", "\n", "").Replace(u.Type)
	data := bytes.ReplaceAll(bytes.ReplaceAll(u.Data, []byte("\r"), []byte(" ")), []byte("\n"), []byte(" "))
	_, err := fmt.Fprintf(rw, "event: %s\ndata: %s\n\n", typ, data)
	return err
}

// quoted writes text as JSON.
func quoted(text string) []byte {
	raw, _ := json.Marshal(text) // never fails: a string
	return raw
}
