package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

const (
	// base is the length of the candles that bots' orders meet, and span the
	// same in milliseconds. What a bot decides on are whole numbers of them.
	base = marketdata.FeedInterval
	span = int64(base / time.Millisecond)
	// quiet is how far back a market's newest candle is looked for.
	quiet = time.Hour
	// pageSize is how many candles are asked of the history at a time.
	pageSize = 1_000
)

// errNoCandles means that a market has no history to begin from.
var errNoCandles = errors.New("the market has no candle yet")

// past is what a run begins with.
type past struct {
	// newest is the newest closed candle, after which the bot stands.
	newest exchange.Candle
	// since are the candles since the beginning of the one that the strategy
	// hears first, and with newest among them unless that has just begun.
	since []exchange.Candle
	// warmup are the candles before that one, of the length that it hears.
	warmup []exchange.Candle
}

// past reads what a run begins with, of candles that open at until or before. All
// depends on the newest candle that the history has, not on the clock, so that
// none is taken for a hole which is only late.
func (g *group) past(ctx context.Context, market exchange.Market, warmup int, until int64) (past, error) {
	decide, now := g.key.decide, g.r.cfg.MarketNow()
	read := func(from, to time.Time, interval time.Duration) ([]exchange.Candle, error) {
		call, cancel := g.asking(ctx) // the group's other bots wait
		defer cancel()
		s, err := marketdata.Download(call, marketdata.DownloadInput{
			From: from, To: to, History: g.r.cfg.History, Interval: interval, Market: market,
		})
		return s.Candles, err
	}
	// From before the last longer candle, so that it is known even if the
	// history has only its parts yet.
	candles, err := read(now.Truncate(decide).Add(-decide-quiet), now, base)
	if err != nil {
		return past{}, fmt.Errorf("reading candles to begin with: %w", err)
	}
	candles = slices.DeleteFunc(candles, func(c exchange.Candle) bool { return c.Time > until })
	if len(candles) == 0 {
		return past{}, errNoCandles
	}
	p := past{newest: candles[len(candles)-1]}
	next := p.newest.Time + span
	start := next - next%decide.Milliseconds()
	cut, _ := slices.BinarySearchFunc(candles, start, func(c exchange.Candle, t int64) int { return cmp.Compare(c.Time, t) })
	p.since = candles[cut:]
	if warmup <= 0 {
		return p, nil
	}
	first := time.UnixMilli(start).UTC()
	p.warmup, err = read(first.Add(-time.Duration(min(warmup, engine.MaxWarmup))*decide), first, decide)
	if err != nil {
		return past{}, fmt.Errorf("reading candles to begin with: %w", err)
	}
	frame, whole := strategy.NewFrame(decide), false
	for i := range candles[:cut] {
		whole = frame.Fold(&candles[i], base)
	}
	if n := len(p.warmup); whole && (n == 0 || p.warmup[n-1].Time < frame.Candle.Time) {
		p.warmup = append(p.warmup, frame.Candle)
	}
	return p, nil
}

// unknown is the time of a candle that is not known.
const unknown = math.MaxInt64

// catchUp gives every bot the candles since its last one: before next, or as far as the
// history goes if that is nil. Where the history has none, nothing was traded, and they are
// flat (rule M4); but after its newest candle only up to next, and only if it is not
// behind the stream that brought that. A message of the runner breaks it off, to go on
// after it: where candles close faster than bots can take them it has no end of its own,
// and a bot must stop when it is told to. So does, after a while, an event of the market,
// if there are bots that wait for it.
// The error is the history's.
func (g *group) catchUp(ctx context.Context, next *exchange.Candle) error {
	until := int64(unknown)
	if next != nil {
		until = next.Time
	}
	for began := g.r.cfg.Now(); len(g.active) > 0; {
		last := g.last()
		if last.Time+span >= until {
			return nil
		}
		page, err := g.page(ctx, g.key.pair, last.Time+span)
		if err != nil && ctx.Err() == nil && g.mail.waits() { // it may have been given up for that
			g.goOn()
			return nil
		}
		if err != nil {
			if ctx.Err() == nil {
				g.r.cfg.Log.WarnContext(ctx, "reading missed candles", "trading_pair", g.key.pair, "error", err)
			}
			return err
		}
		all := len(page)
		page = slices.DeleteFunc(page, func(c exchange.Candle) bool { return c.Time <= last.Time || c.Time >= until })
		if len(page) == 0 {
			if next != nil && (all > 0 || next.Volume == 0) {
				g.flat(ctx, began, last, until, g.dealer(ctx, last.Time+span, until-span))
			}
			return nil
		}
		beside := g.dealer(ctx, last.Time+span, page[len(page)-1].Time)
		for i, c := range page {
			if !g.flat(ctx, began, last, c.Time, beside) || g.broken(began, c.Time) {
				return nil
			}
			g.take(ctx, c, beside(c.Time), i == len(page)-1)
			last = c
		}
	}
	return nil
}

// page asks the history for candles of a pair since a time. A history that hangs is given
// up, because the bots wait.
func (g *group) page(ctx context.Context, pair string, since int64) ([]exchange.Candle, error) {
	call, cancel := g.asking(ctx)
	defer cancel()
	return g.r.cfg.History.Candles(call, pair, base, time.UnixMilli(since).UTC(), pageSize)
}

// last is the newest candle of the bot that is furthest behind; only its time
// and its close count.
func (g *group) last() exchange.Candle {
	behind := slices.MinFunc(g.active, func(a, b *member) int { return cmp.Compare(a.lastTime(), b.lastTime()) })
	return exchange.Flat(behind.lastTime(), behind.account.LastPrice())
}

// slice is how long bots that are up to date wait for those that catch up.
const slice = time.Second

// broken reports whether a message waits, or an event of the market for bots that have had
// the candle of a time already, while others have been catching up for long. If so, it lets
// the catching-up go on after it.
func (g *group) broken(began time.Time, at int64) bool {
	ahead := func(m *member) bool { return m.lastTime() >= at }
	late := len(g.sub.Events()) > 0 && g.r.cfg.Now().Sub(began) >= slice && slices.ContainsFunc(g.active, ahead)
	if !late && !g.mail.waits() {
		return false
	}
	g.goOn()
	return true
}

// goOn lets a catching-up that was broken off go on after what waits.
func (g *group) goOn() {
	select {
	case g.behind <- struct{}{}:
	default:
	}
}

// flat gives every bot flat candles after one and before a time; it stops when
// the worker does or is broken off, and reports whether it has not.
func (g *group) flat(ctx context.Context, began time.Time, after exchange.Candle, until int64, beside func(at int64) engine.Beside) bool {
	for t := after.Time + span; t < until; t += span {
		if ctx.Err() != nil || g.broken(began, t) {
			return false
		}
		g.take(ctx, exchange.Flat(t, after.Close), beside(t), false)
	}
	return ctx.Err() == nil
}
