package lunosim

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/shopspring/decimal"
)

//go:embed page.html
var pageText string

// control adds what Luno does not have: the status page at / and, under /sim, the
// calls that tests steer the simulator with. They are for this machine alone.
func (s *Sim) control(mux *http.ServeMux) {
	page := template.Must(template.New("page").Parse(pageText))
	steer := func(pattern string, run func(r *http.Request, body []byte) (any, error)) {
		mux.Handle(pattern, here(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
			var answer any
			if err == nil {
				answer, err = run(r, body)
			}
			status := http.StatusOK
			if err != nil {
				status, answer = http.StatusBadRequest, map[string]string{"error": err.Error()}
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(answer) // whoever left does not hear it
		}))
	}
	mux.Handle("GET /{$}", here(func(w http.ResponseWriter, r *http.Request) {
		state, err := s.State(r.Context())
		var out bytes.Buffer
		if err == nil {
			err = page.Execute(&out, state)
		}
		if err != nil {
			s.cfg.Log.Error("lunosim: the status page failed", "error", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = w.Write(out.Bytes()) // whoever left does not see it
	}))
	steer("GET /sim/state", func(r *http.Request, _ []byte) (any, error) { return s.State(r.Context()) })
	steer("GET /sim/faults", func(*http.Request, []byte) (any, error) { return map[string]any{"faults": s.Faults()}, nil })
	steer("POST /sim/faults", func(_ *http.Request, body []byte) (any, error) {
		list, err := ReadFaults(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		ids, err := s.AddFaults(list)
		return map[string]any{"ids": ids}, err
	})
	steer("DELETE /sim/faults", func(*http.Request, []byte) (any, error) { return struct{}{}, s.ClearFaults() })
	steer("DELETE /sim/faults/{id}", func(r *http.Request, _ []byte) (any, error) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			return nil, errors.New("the fault's id must be a whole number")
		}
		removed, err := s.RemoveFault(id)
		return map[string]bool{"removed": removed}, err
	})
	steer("POST /sim/markets/{pair}", func(r *http.Request, body []byte) (any, error) {
		var told struct {
			Status string `json:"status"`
		}
		if err := strict(body, &told); err != nil {
			return nil, err
		}
		return struct{}{}, s.SetStatus(r.PathValue("pair"), told.Status)
	})
	steer("POST /sim/accounts/{name}/deposits", func(r *http.Request, body []byte) (any, error) {
		var told struct {
			Currency string          `json:"currency"`
			Amount   decimal.Decimal `json:"amount"`
		}
		if err := strict(body, &told); err != nil {
			return nil, err
		}
		return struct{}{}, s.Deposit(r.PathValue("name"), told.Currency, told.Amount)
	})
}

// AddFaults lets several faults begin, or none if there is anything wrong with one.
func (s *Sim) AddFaults(list []Fault) (ids []int64, err error) {
	var problems []error
	for _, f := range list {
		problems = append(problems, s.checkFault(f))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	for _, f := range list {
		id, err := s.AddFault(f)
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// here lets a handler be called from this machine only, and by no other page of a
// browser.
func here(h http.HandlerFunc) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			http.Error(w, "The simulator is steered from its own machine only.", http.StatusForbidden)
			return
		}
		h(w, r)
	}))
}

// strict decodes one JSON object without unknown fields.
func strict(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("lunosim: the body cannot be read: %w", err)
	}
	return nil
}
