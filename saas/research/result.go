package research

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

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

// keptPage is the page with the curve that comparisons need.
type keptPage struct {
	Page  backtestreport.Page  `json:"page"`
	Curve backtestreport.Curve `json:"curve"`
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
	out := Outcome{Figures: figuresOf(r), Line: r.Curve(linePoints).Values}
	pageJSON, err := json.Marshal(keptPage{Page: r.Page(), Curve: r.Curve(curvePoints)})
	if err != nil {
		return Outcome{}, fmt.Errorf("packing a report: %w", err)
	}
	document, err := json.Marshal(r.Document())
	if err != nil {
		return Outcome{}, fmt.Errorf("packing a report: %w", err)
	}
	for _, part := range []struct {
		raw []byte
		to  *[]byte
	}{{pageJSON, &out.Result.Page}, {document, &out.Result.Document}, {deltas(equity), &out.Result.Equity}} {
		if len(part.raw) > maxPart {
			return Outcome{}, tooLarge(r)
		}
		if *part.to, err = deflate(part.raw); err != nil {
			return Outcome{}, fmt.Errorf("packing a report: %w", err)
		}
	}
	if out.Result.Size() > MaxResult {
		return Outcome{}, tooLarge(r)
	}
	return out, nil
}

func tooLarge(r *backtestreport.Report) error {
	return errs.New(errs.Conflict, "result_too_large", "The run of %d candles made %d trades; its result is larger than the %d MiB that are kept of one. "+
		"Choose a shorter time, or parameters that trade less.", r.Candles, len(r.Trades), MaxResult>>20)
}

func figuresOf(r *backtestreport.Report) Figures {
	s := r.Stats
	f := Figures{
		Counter: r.Market.Counter, Initial: r.Initial, Final: r.Final, Profit: r.Profit, Fees: r.Fees, Held: r.Held,
		Return: s.TotalReturn, HoldReturn: s.BuyAndHold, CAGR: s.CAGR, Volatility: s.Volatility, Sharpe: s.Sharpe, Sortino: s.Sortino,
		Calmar: s.Calmar, Exposure: s.Exposure, WinRate: s.Trades.WinRate, ProfitFactor: s.Trades.ProfitFactor, Trades: len(r.Trades),
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
func Page(part []byte) (backtestreport.Page, backtestreport.Curve, error) {
	raw, err := inflate(part)
	if err != nil {
		return backtestreport.Page{}, backtestreport.Curve{}, err
	}
	var kept keptPage
	if err := json.Unmarshal(raw, &kept); err != nil {
		return backtestreport.Page{}, backtestreport.Curve{}, errPart.Wrap(err)
	}
	return kept.Page, kept.Curve, nil
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
