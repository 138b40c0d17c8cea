package runner

import (
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// quietEvery is how many minutes lie between two stored explanations of why
// nothing was done, and between two stored points of the equity curve.
const quietEvery = 15

// recorder gathers what a bot's session does until it is committed.
type recorder struct {
	botID   string
	run     int64
	markets []exchange.Market // those of its pairs, its own first
	tape    *parity.Tape      // nil if nothing is taken down

	orders    []journal.Order
	fills     []journal.Fill
	decisions []journal.Decision
	plots     map[line]float64 // of the present candle, in ticks
	drawn     []drawn
	quiet     *journal.Decision // the newest reason for doing nothing
	numbered  int64             // the number of the newest decision
	filled    int64             // the number of the newest fill
	last      string            // the newest sentence
	// handed are the signals that the bot has, by key, hearing the one that it is
	// answering, and heard what became of them, until that is committed.
	handed  map[string]bool
	hearing hearing
	heard   []journal.Heard
}

var _ engine.Narrator = (*recorder)(nil)

// Fill implements engine.Recorder.
func (r *recorder) Fill(f exchange.Fill, ref uint64, res portfolio.Result) {
	m := r.market(f.Pair)
	r.filled++ // each pair's venue has numbers of its own
	if r.tape != nil {
		r.tape.Fill(f, ref, res)
	}
	r.fills = append(r.fills, journal.Fill{
		BotID: r.botID, Pair: m.Pair, Sequence: r.filled, ClientID: f.ClientID, Side: f.Side.String(), Price: m.Price(f.Price), Volume: m.Volume(f.Volume),
		Value: m.Amount(f.Value), FeeCounter: m.Amount(f.FeeCounter), FeeBase: m.DustAmount(f.FeeBase), Profit: m.Amount(res.Profit),
		Maker: f.Maker, Time: time.UnixMilli(f.Time).UTC(),
	})
}

// Order implements engine.Recorder: the newest state of an order replaces an
// earlier one of the same commit.
func (r *recorder) Order(o engine.OrderRecord) {
	m, at := r.market(o.Request.Pair), time.UnixMilli(o.Time).UTC()
	if r.tape != nil {
		r.tape.Order(o)
	}
	rec := journal.Order{
		ClientID: o.Request.ClientID, BotID: r.botID, Pair: m.Pair, Run: r.run, Number: int64(o.Ref), Side: o.Request.Side.String(), Type: o.Request.Type.String(),
		Price: m.Price(o.Request.Price), Volume: m.Volume(o.Request.Volume), Value: m.Amount(o.Request.Value), PostOnly: o.Request.PostOnly,
		TimeInForce: o.Request.TimeInForce.String(), State: stateOf(o), Reason: o.Reason, Filled: m.Volume(o.Filled),
		FilledValue: m.Amount(o.Value), Fee: m.Amount(o.Fee), CreatedAt: time.UnixMilli(o.Request.Time).UTC(), UpdatedAt: at,
	}
	i := slices.IndexFunc(r.orders, func(x journal.Order) bool { return x.Number == rec.Number })
	if i < 0 {
		r.orders = append(r.orders, rec)
		return
	}
	r.orders[i] = rec
}

// market is that of a pair.
func (r *recorder) market(pair string) exchange.Market {
	for _, m := range r.markets[1:] {
		if m.Pair == pair {
			return m
		}
	}
	return r.markets[0]
}

// Decision implements engine.Narrator.
func (r *recorder) Decision(d engine.Decision) {
	rec := journal.Decision{BotID: r.botID, Kind: string(d.Kind), Text: strings.ToValidUTF8(d.Text, "�"), Time: time.UnixMilli(d.Time).UTC()}
	r.last = rec.Text
	if r.hearing.key != "" {
		r.hearing.answers = append(r.hearing.answers, rec.Text)
		r.hearing.denied = r.hearing.denied || d.Kind == engine.Denied || d.Kind == engine.Rejected
	}
	if d.Kind == engine.None {
		r.quiet = &rec
		return
	}
	r.quiet = nil
	r.note(rec)
}

// note gives a decision its number and keeps it.
func (r *recorder) note(d journal.Decision) {
	r.numbered++
	d.Number = r.numbered
	r.decisions = append(r.decisions, d)
}

// dirty reports whether there is anything that must be committed at once.
func (r *recorder) dirty() bool {
	return len(r.orders) > 0 || len(r.fills) > 0 || len(r.decisions) > 0 || len(r.heard) > 0
}

// reset forgets what has been committed.
func (r *recorder) reset() {
	r.orders, r.fills, r.decisions, r.drawn, r.quiet, r.handed, r.heard = nil, nil, nil, nil, nil, nil, nil
}

func stateOf(o engine.OrderRecord) journal.OrderState {
	switch o.State {
	case strategy.OrderFilled:
		return journal.Filled
	case strategy.OrderCancelled:
		return journal.Cancelled
	case strategy.OrderRejected:
		return journal.Rejected
	case strategy.OrderDenied:
		return journal.Denied
	case strategy.OrderOpen:
		if o.Pending {
			return journal.Submitted
		}
	}
	if o.Filled > 0 {
		return journal.PartiallyFilled
	}
	return journal.Open
}
