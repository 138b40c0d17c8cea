package report

import (
	"context"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/strategy/perf"
)

// MostFills is how many fills the figures of round trips rest on at most.
const MostFills = 20_000

// Store is what figures are made of; every journal.Store is one.
type Store interface {
	Summaries(ctx context.Context, tenantID string, botIDs ...string) (map[string]journal.Summary, error)
	Fills(ctx context.Context, tenantID, botID string, p page.Page) ([]journal.Fill, error)
	DailyEquity(ctx context.Context, tenantID, botID string, since time.Time) ([]journal.EquityPoint, error)
}

// Performance are the figures of a bot's account. What cannot be told yet, such as
// a ratio of nothing, is not defined (perf.Number).
type Performance struct {
	// From is when the account began and To the newest that is known of it, in
	// market time; both are zero before there is anything.
	From, To time.Time
	// Sharpe is the mean of the daily returns divided by their standard deviation as
	// a sample, made annual with √365 because the market never closes; the risk-free
	// rate is 0 (Sharpe, Journal of Portfolio Management 21, 1994). A day ends at
	// midnight UTC and counts if all of it is covered; where the bot did not run, its
	// account stood still. It takes two days and rests on Days of them.
	Sharpe perf.Number
	Days   int64
	// Trips are the round trips: parts of a position that one order closed. Won and
	// Lost count those with a profit and with a loss, fees of both sides taken off.
	Trips, Won, Lost int
	// WinRate is Won / Trips.
	WinRate perf.Number
	// ProfitFactor is the sum of the profits divided by that of the losses (Kaufman,
	// Trading Systems and Methods, 1998); not defined before the first loss.
	ProfitFactor perf.Number
	// Exposure is the share of the time in which the bot held a position.
	Exposure perf.Number
	// TripsFrom is when the time begins that Trips, WinRate, ProfitFactor and Exposure
	// are of: From, or later for an account of more than MostFills fills.
	TripsFrom time.Time
}

// attempts is how often a bot that trades meanwhile is read.
const attempts = 5

// Measure returns the figures of a bot, in its own market and the further ones that
// it trades, as far as its newest checkpoint. Without one they are all undefined.
func Measure(ctx context.Context, s Store, b bot.Bot, own exchange.Market, further ...exchange.Market) (Performance, error) {
	sum, fills, err := read(ctx, s, b)
	if err != nil {
		return Performance{}, err
	}
	days, err := s.DailyEquity(ctx, b.TenantID, b.ID, sum.Since)
	if err != nil {
		return Performance{}, err
	}
	a, err := accountOf(sum, fills, days, append([]exchange.Market{own}, further...))
	if err != nil {
		return Performance{}, fmt.Errorf("measuring bot %s: %w", b.ID, err)
	}
	return a.measure()
}

// read returns a bot's account and its newest fills, oldest first, both of the
// same checkpoint.
func read(ctx context.Context, s Store, b bot.Bot) (journal.Summary, []journal.Fill, error) {
	summary := func() (journal.Summary, error) {
		found, err := s.Summaries(ctx, b.TenantID, b.ID)
		return found[b.ID], err
	}
	before, err := summary()
	for range attempts {
		if err != nil {
			return journal.Summary{}, nil, err
		}
		fills, err := newest(ctx, s, b, min(before.Fills, MostFills))
		if err != nil {
			return journal.Summary{}, nil, err
		}
		now, err := summary()
		if err != nil {
			return journal.Summary{}, nil, err
		}
		if now.Fills == before.Fills && now.Since.Equal(before.Since) {
			return now, fills, nil
		}
		before = now
	}
	return journal.Summary{}, nil, errs.New(errs.Unavailable, "bot_busy", "the bot trades faster than it can be measured; try again")
}

// newest returns a bot's n newest fills, oldest first.
func newest(ctx context.Context, s Store, b bot.Bot, n int64) ([]journal.Fill, error) {
	list := make([]journal.Fill, 0, n)
	for after := ""; int64(len(list)) < n; {
		part, err := s.Fills(ctx, b.TenantID, b.ID, page.Page{After: after, Limit: int(min(n-int64(len(list)), page.MaxLimit))})
		if err != nil {
			return nil, err
		}
		if len(part) == 0 {
			break
		}
		if left := int(n) - len(list); len(part) > left {
			part = part[:left] // a list has one more than was asked for
		}
		list = append(list, part...)
		after = fmt.Sprint(list[len(list)-1].Sequence)
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list, nil
}
