package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/tenancy"
)

// runPage is the page of one backtest.
type runPage struct {
	backtestRow
	// Report is the report of a run that is done.
	Report   template.HTML
	MayWrite bool
	// Version is that of the strategy which ran, or is to; "" for one that the program
	// contains before the run is done.
	Version string
	// Described says that the version is still there, with a page of its own.
	Described bool
}

func (w *Web) backtestPage(rq *request) error {
	r, err := w.cfg.Research.Run(rq.Context(), rq.who, rq.PathValue("id"))
	if err != nil {
		return err
	}
	rows, err := w.backtestRowsOf(rq, []research.Run{r})
	if err != nil {
		return err
	}
	p := runPage{backtestRow: rows[0], MayWrite: rq.who.Can(tenancy.BotsWrite), Version: r.StrategyVersion}
	if p.IsDone() {
		kept, err := w.keptPage(rq, r.ID)
		if err != nil {
			return err
		}
		p.Version = kept.Version()
		if p.Report, err = parts(kept.Drawn()); err != nil {
			return err
		}
	}
	_, p.Described = w.chosen(r.Strategy, p.Version)
	return w.page(rq, http.StatusOK, "backtests/backtest", view{Title: r.Name, Nav: "backtests", MarketNotice: w.cfg.MarketNotice, D: p})
}

// keptPage reads the report of a run that is done.
func (w *Web) keptPage(rq *request, id string) (research.Kept, error) {
	raw, err := w.cfg.Research.Result(rq.Context(), rq.who, id, research.PartPage)
	if err != nil {
		return research.Kept{}, err
	}
	return research.Page(raw)
}

// parts draws a report, or a part of one, for a page.
func parts(p interface{ WriteParts(w io.Writer) error }) (template.HTML, error) {
	var out bytes.Buffer
	if err := p.WriteParts(&out); err != nil {
		return "", err
	}
	return template.HTML(out.String()), nil //nolint:gosec // made by html/template
}

func (w *Web) cancelBacktest(rq *request) error {
	r, err := w.cfg.Research.Cancel(rq.Context(), rq.who, rq.PathValue("id"))
	if err != nil {
		return err
	}
	return rq.redirect("/backtests/" + r.ID)
}

func (w *Web) deleteBacktest(rq *request) error {
	if err := w.cfg.Research.Delete(rq.Context(), rq.who, rq.PathValue("id")); err != nil {
		return err
	}
	return rq.redirect("/backtests?notice=backtest-deleted")
}

// backtestReport answers with the report as one file, under a policy that allows
// its own style and script and nothing else.
func (w *Web) backtestReport(rq *request) error {
	r, err := w.cfg.Research.Run(rq.Context(), rq.who, rq.PathValue("id"))
	if err != nil {
		return err
	}
	kept, err := w.keptPage(rq, r.ID)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := kept.Drawn().WriteHTML(&out); err != nil {
		return err
	}
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	h := rq.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+hash(backtestreport.FileStyle())+"; script-src "+
		hash(backtestreport.FileScript())+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Content-Disposition", `attachment; filename="backtest-`+strings.ToLower(r.Pair)+"-"+r.CreatedAt.UTC().Format("20060102-1504")+`.html"`)
	send(rq.w, rq.Request, http.StatusOK, "text/html; charset=utf-8", "no-store", out.Bytes(), nil)
	return nil
}

// backtestStream sends how far a run is as server-sent events: "hello" with the
// run as it is, first and whenever nothing else was sent for a while, and each
// update under its type. It ends when the run is over or the session ends.
func (w *Web) backtestStream(rq *request) error {
	ctx := rq.Context()
	r, err := w.cfg.Research.Run(ctx, rq.who, rq.PathValue("id"))
	if err != nil {
		return err
	}
	leave, err := w.cfg.Streams.Enter(rq.who.TenantID)
	if err != nil {
		return err
	}
	defer leave()
	updates, err := w.cfg.Progress.Subscribe(ctx, rq.who.TenantID, r.ID)
	if err != nil {
		return err
	}
	w.beginStream(rq)
	beat := time.NewTicker(w.cfg.Heartbeat)
	defer beat.Stop()
	for {
		// Read after subscribing, so that nothing falls between the two.
		if r, err = w.cfg.Research.Run(ctx, rq.who, r.ID); err != nil || w.sendRun(rq, r) != nil || r.Status.Over() {
			return nil
		}
		if !w.passOn(rq, updates, beat.C) {
			return nil
		}
	}
}

// passOn passes updates on until it is time to look at the run again; false ends
// the stream.
func (w *Web) passOn(rq *request, updates <-chan live.Update, beat <-chan time.Time) bool {
	out := http.NewResponseController(rq.w)
	for {
		select {
		case <-rq.Context().Done():
			return false
		case u, ok := <-updates:
			if !ok || write(rq.w, u) != nil || out.Flush() != nil {
				return false
			}
			if u.Type == "status" {
				return true
			}
		case <-beat:
			_, err := w.cfg.Tenancy.Authenticate(rq.Context(), rq.access)
			return err == nil
		}
	}
}

// sendRun tells the browser how a run stands.
func (w *Web) sendRun(rq *request, r research.Run) error {
	data, err := json.Marshal(map[string]any{
		"status": r.Status, "reason": r.Reason, "done": r.Done, "total": r.Total, "percent": r.Percent(), "elapsed": elapsed(w.cfg.Now(), r).Milliseconds(),
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(rq.w, "event: hello\ndata: %s\n\n", data); err != nil {
		return err
	}
	return http.NewResponseController(rq.w).Flush()
}

// elapsed is how long the present attempt has been at work.
func elapsed(now time.Time, r research.Run) time.Duration {
	if r.Status != research.Running {
		return 0
	}
	return max(0, now.Sub(r.StartedAt))
}
