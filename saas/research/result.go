package research

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/perf"
)

const (
	// MaxResult bounds what is kept of one run, in compressed bytes.
	MaxResult = 8 << 20
	// maxPart bounds a part when it is unpacked.
	maxPart = 128 << 20
	// linePoints is how many points a run's small picture has, curvePoints how
	// many the curve of its page.
	linePoints  = 40
	curvePoints = 500
)

// Part is one part of a result; each is stored and read by itself.
type Part string

// The parts of a result.
const (
	// PartPage is what the page shows, a kept page as JSON.
	PartPage Part = "page"
	// PartDocument is the JSON of the report, without the equity curve.
	PartDocument Part = "document"
	// PartEquity is the equity at every candle.
	PartEquity Part = "equity"
)

// Result is what is kept of a run that is done, each part compressed.
type Result struct {
	Page     []byte
	Document []byte
	Equity   []byte
}

// Size returns how many bytes the result takes.
func (r Result) Size() int { return len(r.Page) + len(r.Document) + len(r.Equity) }

// Kept is the report of a run as its page shows it: Search or Walk of a sweep or
// a walk forward, else Page with the curve that comparisons need.
type Kept struct {
	Page   *backtestreport.Page       `json:"page,omitempty"`
	Curve  backtestreport.Curve       `json:"curve"`
	Search *backtestreport.SearchPage `json:"search,omitempty"`
	Walk   *backtestreport.WalkPage   `json:"walk,omitempty"`
}

// Drawn is a report that draws itself, with a frame or without.
type Drawn interface {
	WriteHTML(w io.Writer) error
	WriteParts(w io.Writer) error
}

// Drawn returns the report.
func (k Kept) Drawn() Drawn {
	switch {
	case k.Search != nil:
		return *k.Search
	case k.Walk != nil:
		return *k.Walk
	}
	return *k.Page
}

// Version returns the version of the strategy that ran.
func (k Kept) Version() string {
	switch {
	case k.Search != nil:
		return k.Search.Version
	case k.Walk != nil:
		return k.Walk.Version
	}
	return k.Page.Version
}

// Outcome is what came of a run.
type Outcome struct {
	Result  Result
	Figures Figures
	Line    []float64
}

// Pack makes an outcome of a report. One that takes more than MaxResult is a
// Conflict, code "result_too_large", whose message is for the tenant.
func Pack(r *backtestreport.Report, equity []int64) (Outcome, error) {
	page := r.Page()
	return pack(Outcome{Figures: figuresOf(r), Line: r.Curve(linePoints).Values}, Kept{Page: &page, Curve: r.Curve(curvePoints)}, r.Document(), equity,
		fmt.Sprintf("The run of %d candles made %d trades; its result is larger than the %d MiB that are kept of one. Choose a shorter time, or parameters that trade less.",
			r.Candles, r.TradeCount(), MaxResult>>20))
}

// PackSearch makes an outcome of the report of a sweep, as Pack does.
func PackSearch(r *backtestreport.Search) (Outcome, error) {
	var out Outcome
	if best := r.Best(); best != nil {
		out.Figures, out.Line = figuresOf(best), best.Curve(linePoints).Values
		out.Figures.Best = best.Params
	} else {
		d := r.Document()
		out.Figures = Figures{Counter: d.Market.Counter, Initial: r.Initial(), Final: r.Initial(), Held: r.Initial()}
	}
	out.Figures.Warnings = len(r.Warnings)
	page := r.Page()
	return pack(out, Kept{Search: &page}, r.Document(), nil, tooManySets)
}

// PackWalk makes an outcome of the report of a walk forward, as Pack does. Its
// amounts are those of an account that was worth what the first choice began with,
// and was traded in the times after the windows alone.
func PackWalk(r *backtestreport.Walk) (Outcome, error) {
	d, page := r.Document(), r.Page()
	initial := r.Initial()
	grown := func(n perf.Number) decimal.Decimal {
		if !n.Defined() {
			return initial
		}
		return initial.Mul(decimal.NewFromFloat(1 + n.Float())).Round(8)
	}
	f := Figures{
		Counter: d.Market.Counter, Initial: initial, Final: grown(d.Walk.TotalReturn), Fees: r.Fees(), Held: grown(d.Walk.BuyAndHold),
		Return: d.Walk.TotalReturn, HoldReturn: d.Walk.BuyAndHold, Drawdown: perf.Number(d.Walk.MaxDrawdown), CAGR: d.Walk.CAGR, Sharpe: d.Walk.Sharpe,
		Trades: d.Walk.Trades, Warnings: len(r.Warnings),
	}
	f.Profit = f.Final.Sub(initial)
	for _, n := range []*perf.Number{&f.Volatility, &f.Sortino, &f.Calmar, &f.Exposure, &f.WinRate, &f.ProfitFactor} {
		*n = perf.Number(math.NaN()) // not told of a walk
	}
	return pack(Outcome{Figures: f, Line: r.Line(linePoints)}, Kept{Walk: &page}, d, nil, tooManySets)
}

const tooManySets = "The result is larger than is kept of one. Choose fewer sets."

// pack compresses the parts of a result; tooLarge is what a tenant is told of one
// that takes more than MaxResult.
func pack(out Outcome, kept Kept, document any, equity []int64, tooLarge string) (Outcome, error) {
	pageJSON, err := json.Marshal(kept)
	if err != nil {
		return Outcome{}, fmt.Errorf("packing a report: %w", err)
	}
	documentJSON, err := json.Marshal(document)
	if err != nil {
		return Outcome{}, fmt.Errorf("packing a report: %w", err)
	}
	for _, part := range []struct {
		raw []byte
		to  *[]byte
	}{{pageJSON, &out.Result.Page}, {documentJSON, &out.Result.Document}, {deltas(equity), &out.Result.Equity}} {
		if len(part.raw) > maxPart {
			return Outcome{}, errs.New(errs.Conflict, "result_too_large", "%s", tooLarge)
		}
		if *part.to, err = deflate(part.raw); err != nil {
			return Outcome{}, fmt.Errorf("packing a report: %w", err)
		}
	}
	if out.Result.Size() > MaxResult {
		return Outcome{}, errs.New(errs.Conflict, "result_too_large", "%s", tooLarge)
	}
	return out, nil
}

func figuresOf(r *backtestreport.Report) Figures {
	s := r.Stats
	f := Figures{
		Counter: r.Market.Counter, Initial: r.Initial, Final: r.Final, Profit: r.Profit, Fees: r.Fees, Held: r.Held,
		Return: s.TotalReturn, HoldReturn: s.BuyAndHold, CAGR: s.CAGR, Volatility: s.Volatility, Sharpe: s.Sharpe, Sortino: s.Sortino,
		Calmar: s.Calmar, Exposure: s.Exposure, WinRate: s.Trades.WinRate, ProfitFactor: s.Trades.ProfitFactor, Trades: r.TradeCount(),
		Warnings: len(r.Warnings),
	}
	if s.MaxDrawdown != nil {
		f.Drawdown = perf.Number(s.MaxDrawdown.Depth)
	}
	return f
}

// deltas writes a column as the differences of its values, which are mostly
// small.
func deltas(values []int64) []byte {
	out := binary.AppendUvarint(nil, uint64(len(values)))
	last := int64(0)
	for _, v := range values {
		out = binary.AppendVarint(out, v-last)
		last = v
	}
	return out
}

var errPart = errs.New(errs.Internal, "result_broken", "a kept result cannot be read")

// Equity reads the part PartEquity: the equity at every candle, in units.
func Equity(part []byte) ([]exchange.Units, error) {
	raw, err := inflate(part)
	if err != nil {
		return nil, err
	}
	n, size := binary.Uvarint(raw)
	if size <= 0 || n > uint64(len(raw)) {
		return nil, errPart
	}
	raw = raw[size:]
	values, last := make([]exchange.Units, 0, n), int64(0)
	for range n {
		d, size := binary.Varint(raw)
		if size <= 0 {
			return nil, errPart
		}
		raw, last = raw[size:], last+d
		values = append(values, exchange.Units(last))
	}
	if len(raw) > 0 {
		return nil, errPart
	}
	return values, nil
}

// Document reads the part PartDocument: JSON of a backtestreport.Document.
func Document(part []byte) (json.RawMessage, error) { return inflate(part) }

// Page reads the part PartPage.
func Page(part []byte) (Kept, error) {
	raw, err := inflate(part)
	if err != nil {
		return Kept{}, err
	}
	var kept Kept
	if err := json.Unmarshal(raw, &kept); err != nil {
		return Kept{}, errPart.Wrap(err)
	}
	if kept.Page == nil && kept.Search == nil && kept.Walk == nil {
		return Kept{}, errPart
	}
	return kept, nil
}

func deflate(raw []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func inflate(part []byte) ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(part))
	raw, err := io.ReadAll(io.LimitReader(r, maxPart+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, errPart.Wrap(err)
	}
	if len(raw) > maxPart {
		return nil, errPart
	}
	return raw, nil
}
