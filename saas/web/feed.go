package web

import (
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
)

// feed is a part of one of a bot's lists, newest first.
type feed[T any] struct {
	BotID string
	// Several is true if the bot trades several pairs, so that rows tell theirs.
	Several bool
	Rows    []T
	// Next is the key after which the older rows come; "" if there are none.
	Next string
}

// decisionRow is a line of the bot's log.
type decisionRow struct {
	journal.Decision
	At moment
}

// Label is the kind in words.
func (d decisionRow) Label() string { return kindLabel(d.Kind) }

func kindLabel(kind string) string {
	switch kind {
	case "buy":
		return "▲ Buy"
	case "sell":
		return "▼ Sell"
	case "none":
		return "Wait"
	case "":
		return ""
	}
	return strings.ToUpper(kind[:1]) + kind[1:]
}

// orderRow is a line of the list of orders.
type orderRow struct {
	journal.Order
	At     moment
	Market market
	// Several is true if the row tells its pair.
	Several bool
	// Live orders are at an exchange and have a history; BotID is whose they are, and
	// Changed tells one version of the row from another.
	Live    bool
	BotID   string
	Changed int64
}

// PriceText is the limit, or what a live market order was filled at on average; before
// that it says what it is.
func (o orderRow) PriceText() string {
	switch {
	case !o.Price.IsZero():
		return o.Market.PriceText(o.Price)
	case o.Live && o.Filled.IsPositive():
		return "avg " + o.Market.PriceText(o.FilledValue.Div(o.Filled))
	}
	return "market"
}

// VolumeText is what was ordered; of a live order for an amount of money it is what that
// has bought.
func (o orderRow) VolumeText() string {
	volume := o.Volume
	if volume.IsZero() && o.Live {
		volume = o.Filled
	}
	if volume.IsZero() {
		return "–"
	}
	return o.Market.VolumeText(volume)
}

// StateText is the state in words.
func (o orderRow) StateText() string {
	if o.Live {
		return stateText(o.State)
	}
	return strings.ReplaceAll(string(o.State), "_", " ")
}

// fillRow is a line of the list of fills.
type fillRow struct {
	journal.Fill
	At     moment
	Market market
	// Several is true if the row tells its pair.
	Several bool
}

// FeeText is the fee with its currency.
func (f fillRow) FeeText() string {
	if !f.FeeBase.IsZero() {
		return exchange.Grouped(f.FeeBase.String()) + " " + f.Market.Base
	}
	return f.Market.MoneyText(f.FeeCounter)
}

// Closes reports whether the fill realised a result.
func (f fillRow) Closes() bool { return !f.Profit.Equal(decimal.Zero) }

func (w *Web) decisions(rq *request, b bot.Bot, after string) (feed[decisionRow], error) {
	pg := page.Page{After: after}.Bounded()
	list, err := w.cfg.Journal.Decisions(rq.Context(), rq.who.TenantID, b.ID, pg)
	if err != nil {
		return feed[decisionRow]{}, err
	}
	part := page.Of(list, pg.Limit, func(d journal.Decision) string { return strconv.FormatInt(d.Number, 10) })
	f := feed[decisionRow]{BotID: b.ID, Next: part.Next}
	for _, d := range part.Items {
		f.Rows = append(f.Rows, decisionRow{Decision: d, At: moment{d.Time}})
	}
	return f, nil
}

func (w *Web) orders(rq *request, b bot.Bot, markets marketIndex, after string) (feed[orderRow], error) {
	if b.Mode == bot.Live {
		return w.liveOrders(rq, b, markets, after)
	}
	pg := page.Page{After: after}.Bounded()
	list, err := w.cfg.Journal.Orders(rq.Context(), rq.who.TenantID, b.ID, pg)
	if err != nil {
		return feed[orderRow]{}, err
	}
	part := page.Of(list, pg.Limit, func(o journal.Order) string { return strconv.FormatInt(o.Number, 10) })
	f := feed[orderRow]{BotID: b.ID, Several: several(b), Next: part.Next}
	for _, o := range part.Items {
		f.Rows = append(f.Rows, orderRow{Order: o, At: moment{o.CreatedAt}, Market: markets.of(o.Pair), Several: f.Several})
	}
	return f, nil
}

func (w *Web) fills(rq *request, b bot.Bot, markets marketIndex, after string) (feed[fillRow], error) {
	pg := page.Page{After: after}.Bounded()
	list, err := w.cfg.Journal.Fills(rq.Context(), rq.who.TenantID, b.ID, pg)
	if err != nil {
		return feed[fillRow]{}, err
	}
	part := page.Of(list, pg.Limit, func(f journal.Fill) string { return strconv.FormatInt(f.Sequence, 10) })
	out := feed[fillRow]{BotID: b.ID, Several: several(b), Next: part.Next}
	since, begun, err := w.began(rq, b)
	if err != nil {
		return feed[fillRow]{}, err
	}
	for _, f := range part.Items {
		if !begun || f.Time.Before(since) { // of an account that the bot has left
			out.Next = ""
			break
		}
		out.Rows = append(out.Rows, fillRow{Fill: f, At: moment{f.Time}, Market: markets.of(f.Pair), Several: out.Several})
	}
	return out, nil
}

// several reports whether a bot trades several pairs.
func several(b bot.Bot) bool { return len(b.Also) > 0 }

// owned returns the bot of the path, and the markets.
func (w *Web) owned(rq *request) (bot.Bot, marketIndex, error) {
	b, err := w.cfg.Bots.Bot(rq.Context(), rq.who, rq.PathValue("id"))
	if err != nil {
		return bot.Bot{}, nil, err
	}
	markets, err := w.markets(rq)
	return b, markets, err
}

// older answers with the rows of a list that follow.
func older[T any](w *Web, rq *request, part string, list func(b bot.Bot, markets marketIndex, after string) (feed[T], error)) error {
	b, markets, err := w.owned(rq)
	if err != nil {
		return err
	}
	f, err := list(b, markets, rq.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	return w.part(rq, "bots/bot", part, f)
}

func (w *Web) botDecisions(rq *request) error {
	return older(w, rq, "decision-rows", func(b bot.Bot, _ marketIndex, after string) (feed[decisionRow], error) {
		return w.decisions(rq, b, after)
	})
}

func (w *Web) botOrders(rq *request) error {
	return older(w, rq, "order-rows", func(b bot.Bot, markets marketIndex, after string) (feed[orderRow], error) {
		return w.orders(rq, b, markets, after)
	})
}

func (w *Web) botFills(rq *request) error {
	return older(w, rq, "fill-rows", func(b bot.Bot, markets marketIndex, after string) (feed[fillRow], error) {
		return w.fills(rq, b, markets, after)
	})
}
