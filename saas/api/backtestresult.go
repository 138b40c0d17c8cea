package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/tenancy"
)

// resultQuery is the input of a result.
type resultQuery struct {
	BacktestPath
	Points int `query:"points" default:"500" validate:"min=2,max=100000" doc:"How many points the equity curve has at most, spread evenly; 500 if it is left out."`
}

// backtestResult writes a result: the document as it is kept, with the equity
// curve as its last member.
func (a *API) backtestResult(ctx context.Context, who tenancy.Principal, in *resultQuery) (*huma.StreamResponse, error) {
	r, err := a.cfg.Backtests.Run(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	document, err := a.resultDocument(ctx, who, r, research.Backtest)
	if err != nil {
		return nil, err
	}
	raw, err := a.cfg.Backtests.Result(ctx, who, in.ID, research.PartEquity)
	if err != nil {
		return nil, err
	}
	equity, err := research.Equity(raw)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		if err := writeResult(hc.BodyWriter(), document, r, equity, in.Points); err != nil {
			a.cfg.Logger.DebugContext(ctx, "a result was not read to its end", "tenant_id", who.TenantID, "backtest_id", in.ID, "error", err)
		}
	}}, nil
}

func writeResult(w io.Writer, document json.RawMessage, r research.Run, equity []exchange.Units, points int) error {
	var of struct {
		Data   struct{ From time.Time }
		Market struct{ Tick, Step decimal.Decimal }
	}
	if err := json.Unmarshal(document, &of); err != nil {
		return err
	}
	unit := of.Market.Tick.Mul(of.Market.Step)
	out := bufio.NewWriterSize(w, 1<<16)
	out.Write(bytes.TrimSuffix(bytes.TrimSpace(document), []byte("}"))) //nolint:errcheck,gosec // Flush tells
	out.WriteString(`,"equity":[`)                                      //nolint:errcheck,gosec // Flush tells
	point := func(before string, at time.Time, value decimal.Decimal) {
		out.WriteString(before + `{"time":"` + at.UTC().Format(time.RFC3339) + `","equity":"` + value.String() + `"}`) //nolint:errcheck,gosec // Flush tells
	}
	point("", of.Data.From, r.Balance)
	parts := min(points-1, len(equity))
	for p := range parts {
		i := (p+1)*len(equity)/parts - 1
		point(",", of.Data.From.Add(time.Duration(i+1)*r.Detail()), decimal.NewFromInt(int64(equity[i])).Mul(unit))
	}
	out.WriteString("]}\n") //nolint:errcheck,gosec // Flush tells
	return out.Flush()
}

// backtestReport shows a result as a page, under a policy that allows its one
// style and its one script.
func (a *API) backtestReport(ctx context.Context, who tenancy.Principal, in *struct{ BacktestPath }) (*huma.StreamResponse, error) {
	raw, err := a.cfg.Backtests.Result(ctx, who, in.ID, research.PartPage)
	if err != nil {
		return nil, err
	}
	kept, err := research.Page(raw)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if err := kept.Drawn().WriteHTML(&body); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "text/html; charset=utf-8")
		hc.SetHeader("Content-Security-Policy", reportPolicy())
		_, _ = hc.BodyWriter().Write(body.Bytes()) // the client may be gone
	}}, nil
}

// reportPolicy allows the report's own style and script and nothing else.
func reportPolicy() string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return strings.Join([]string{
		"default-src 'none'", "style-src " + hash(backtestreport.FileStyle()), "script-src " + hash(backtestreport.FileScript()),
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; ")
}
