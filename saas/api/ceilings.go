package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// ceilingView is a ceiling and how the bots stand under it, as the API shows them.
type ceilingView struct {
	Currency     string          `json:"currency" doc:"The counter currency of the pairs that it is about, and of the amounts." example:"MYR"`
	MaxExposure  decimal.Decimal `json:"max_exposure" doc:"The most that positions and open buys of all live bots together may come to; 0 is no bound." example:"5000"`
	MaxDailyLoss decimal.Decimal `json:"max_daily_loss" doc:"What all live bots together may lose in a day of UTC; 0 is no bound." example:"250"`
	Exposure     decimal.Decimal `json:"exposure" doc:"What positions, at the last prices that their bots saw, and open buys come to now." example:"3120.5"`
	Loss         decimal.Decimal `json:"loss" doc:"What was lost since the day began; below 0 if something was gained." example:"12.25"`
	LiveBots     int             `json:"live_bots" doc:"How many live bots it bounds." example:"3"`
	EntriesUntil *time.Time      `json:"no_entries_until" doc:"Until when no bot buys because the day's loss was reached; null if it was not." example:"2026-01-03T00:00:00Z"`
	ReachedLoss  decimal.Decimal `json:"reached_loss" doc:"What was lost when that was found; 0 if it was not." example:"0"`
	SetBy        string          `json:"set_by" doc:"Who has set it." example:"ada@example.com"`
	SetAt        time.Time       `json:"set_at" doc:"When it was set." example:"2026-01-02T15:04:05Z"`
	Version      int64           `json:"version" doc:"Counts the changes; it is the ETag too." example:"1"`
}

func ceilingOf(c ceiling.Seen) ceilingView {
	v := ceilingView{
		Currency: c.Currency, MaxExposure: c.MaxExposure, MaxDailyLoss: c.MaxDailyLoss, Exposure: c.Standing.Exposure(), Loss: c.Standing.Loss, LiveBots: c.Standing.Bots,
		SetBy: c.SetBy, SetAt: c.SetAt.UTC(), Version: c.Version,
	}
	if c.Over {
		v.EntriesUntil, v.ReachedLoss = &c.Until, c.Loss
	}
	return v
}

// newCeiling is the body that sets a ceiling.
type newCeiling struct {
	MaxExposure  *amount `json:"max_exposure,omitempty" doc:"The most that positions and open buys of all live bots together may come to; no bound if it is 0 or left out." example:"\"5000\""`
	MaxDailyLoss *amount `json:"max_daily_loss,omitempty" doc:"What all live bots together may lose in a day of UTC; no bound if it is 0 or left out." example:"\"250\""`
}

// CeilingPath is a ceiling in a path.
type CeilingPath struct {
	Currency string `path:"currency" doc:"The counter currency." example:"MYR"`
}

// ceilingChange is the input that sets a ceiling.
type ceilingChange struct {
	CeilingPath
	IfMatch string `header:"If-Match" validate:"max=100" doc:"The ETag of the ceiling that the change is meant for. Without it, whichever there is, or none." example:"\"1\""`
	Body    body[newCeiling]
}

// ceilingRemoval is the input that removes one.
type ceilingRemoval struct {
	CeilingPath
	IfMatch string `header:"If-Match" validate:"max=100" doc:"The ETag of the ceiling that is meant. Without it, whichever there is." example:"\"1\""`
}

// ceilingAnswer is a ceiling with its entity tag.
type ceilingAnswer struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body ceilingView
}

func ceilingAnswered(c ceiling.Seen, err error) (*ceilingAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &ceilingAnswer{ETag: `"` + strconv.FormatInt(c.Version, 10) + `"`, Body: ceilingOf(c)}, nil
}

func (a *API) ceilingRoutes() {
	const all, one = "/api/v1/trading/ceilings", "/api/v1/trading/ceilings/{currency}"
	handle(a, operation{
		method: http.MethodGet, path: all, id: "list-ceilings", tag: tagLive,
		summary: "List the bounds of all live bots together", description: "Lists the ceilings, by currency, with how the live bots stand. It comes whole: next_cursor is null.",
	}, a.listCeilings)
	handle(a, operation{
		method: http.MethodGet, path: one, id: "get-ceiling", tag: tagLive,
		summary: "Get the bounds in a currency", description: "Shows a ceiling and how the live bots stand under it.",
	}, a.getCeiling)
	handle(a, operation{
		method: http.MethodPut, path: one, id: "set-ceiling", tag: tagLive, fails: []errs.Kind{errs.Stale},
		summary: "Bound all live bots together",
		description: "Sets what all live bots of the tenant may have at stake, and lose in a day, in a counter currency. A buy that would exceed it is denied, whichever worker " +
			"is first; once the day's loss is reached no bot buys until the day of UTC is over, or the ceiling is set anew. Sells and protective exits always go on. " +
			"Owners and administrators of the tenant may do this.",
	}, a.setCeiling)
	handle(a, operation{
		method: http.MethodDelete, path: one, id: "remove-ceiling", tag: tagLive, fails: []errs.Kind{errs.Stale},
		summary: "Remove the bounds in a currency", description: "Each bot keeps its own bounds. Owners and administrators of the tenant may do this.",
	}, a.removeCeiling)
}

func (a *API) listCeilings(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[listOf[ceilingView]], error) {
	list, err := a.cfg.Ceilings.List(ctx, who)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, nil, page.List[ceiling.Seen]{Items: list}, ceilingOf), nil
}

func (a *API) getCeiling(ctx context.Context, who tenancy.Principal, in *struct{ CeilingPath }) (*ceilingAnswer, error) {
	return ceilingAnswered(a.cfg.Ceilings.Get(ctx, who, in.Currency))
}

func (a *API) setCeiling(ctx context.Context, who tenancy.Principal, in *ceilingChange) (*ceilingAnswer, error) {
	b := in.Body.Value
	return ceilingAnswered(a.cfg.Ceilings.Set(ctx, who, ceiling.SetInput{
		Currency: in.Currency, MaxExposure: or(b.MaxExposure).Decimal, MaxDailyLoss: or(b.MaxDailyLoss).Decimal, Version: version(in.IfMatch),
	}))
}

func (a *API) removeCeiling(ctx context.Context, who tenancy.Principal, in *ceilingRemoval) (*nothing, error) {
	return nil, a.cfg.Ceilings.Remove(ctx, who, in.Currency, version(in.IfMatch))
}
