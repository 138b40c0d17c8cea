package web

import (
	"net/http"
	"strings"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
)

// writeOffPage is the question before orders are given up that an exchange does not tell
// of any more.
type writeOffPage struct {
	Bot     bot.Bot
	Account string
	Orders  []lostRow
	// Held is what the bot is said to have, in words, and Compared when that was
	// looked at last.
	Held     []string
	Compared moment
	// Against are the sentences that stand against it.
	Against []string
	Confirm string
	Faults  faults
	Error   string
}

// lostRow is an order that is not settled.
type lostRow struct {
	bot.LostOrder
	Market market
	Placed moment
}

// Name is what people find the order by: the exchange's id, or the number here.
func (r lostRow) Name() string { return orderName(r.VenueID, r.Number) }

// Word is the order's state in words.
func (r lostRow) Word() string { return stateText(journal.OrderState(r.State)) }

// Wanted is what was ordered.
func (r lostRow) Wanted() string {
	if r.Volume.IsZero() {
		return "for " + r.Market.MoneyText(r.Value) + " " + r.Market.Counter
	}
	text := r.Market.VolumeText(r.Volume) + " " + r.Market.Base
	if !r.Price.IsZero() {
		text += " at " + r.Market.PriceText(r.Price)
	}
	return text
}

// Untold is what the exchange says to be filled and never listed; "" if there is
// nothing.
func (r lostRow) Untold() string {
	if d := r.Told.Sub(r.Filled); d.IsPositive() {
		return r.Market.VolumeText(d) + " " + r.Market.Base
	}
	return ""
}

func (w *Web) writeOffForm(rq *request) error {
	return w.showWriteOff(rq, http.StatusOK, writeOffPage{})
}

func (w *Web) showWriteOff(rq *request, status int, p writeOffPage) error {
	b, markets, err := w.owned(rq)
	if err != nil {
		return err
	}
	l, err := w.cfg.Bots.Leftover(rq.Context(), rq.who, b.ID)
	if err != nil {
		return err
	}
	p.Bot, p.Account, p.Compared = b, l.Account.Name, moment{l.ComparedAt}
	for _, o := range l.Orders {
		p.Orders = append(p.Orders, lostRow{LostOrder: o, Market: markets.of(o.Pair), Placed: moment{o.PlacedAt}})
	}
	for _, h := range l.Held {
		p.Held = append(p.Held, grouped(h.Amount.String())+" "+h.Currency)
	}
	for _, e := range l.Obstacles {
		if text := sentence(e.Message); text != p.Error {
			p.Against = append(p.Against, text)
		}
	}
	return w.page(rq, status, "bots/writeoff", view{Title: "Write off orders of " + b.Name, Nav: "bots", Mode: string(b.Mode), MarketNotice: w.cfg.MarketNotice, D: p})
}

func (w *Web) writeOff(rq *request) error {
	id, p := rq.PathValue("id"), writeOffPage{Confirm: strings.TrimSpace(rq.PostFormValue("confirm"))}
	_, err := w.cfg.Bots.WriteOff(rq.Context(), rq.who, id, bot.WriteOffInput{Confirm: p.Confirm})
	bad, invalid := faultsOf(err)
	switch {
	case err == nil:
		return rq.redirect("/bots/" + id + "?notice=written-off")
	case invalid:
		p.Faults = bad
	case errs.KindOf(err) == errs.Conflict:
		p.Error = sentence(messageOf(err))
	default:
		return err
	}
	return w.showWriteOff(rq, describe(err).Status, p)
}
