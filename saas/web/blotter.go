package web

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/blotter"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// oldCheck is how old a reconciliation may be before a page says that it is old: half as
// long again as one follows the other, as workers have it.
const oldCheck = 45 * time.Second

// reconciliation is what a bot's page tells of journal and exchange.
type reconciliation struct {
	BotID string
	// Shown is true for a live bot; Made says that there was a reconciliation.
	Shown, Made bool
	Active      bool
	MayTrade    bool
	blotter.Report
	Seen moment
	// Old says that the last one is older than it should be.
	Old     bool
	Foreign []foreignRow
	Manual  []tradeRow
	// Held is what the bot has on the account, and Dust what of that is less than the
	// least order.
	Held, Dust []string
	// Error is why a decision was refused.
	Error string
	// MayWriteOff says that there is an order that the exchange does not know, and that
	// the one who looks may give it up.
	MayWriteOff bool
}

// Calm reports whether there is nothing to read or to decide in it: then it stands below
// what the bot makes.
func (r reconciliation) Calm() bool {
	return r.Made && r.Agrees() && !r.Old && r.Paused == "" && r.Error == "" && !r.MayWriteOff &&
		r.Doubtful == 0 && r.Unsettled == 0 && len(r.Foreign) == 0 && len(r.Failed) == 0
}

// foreignRow is a foreign order.
type foreignRow struct {
	journal.ForeignOrder
	BotID    string
	Market   market
	Found    moment
	MayTrade bool
}

// Will is what shall become of it, in words.
func (f foreignRow) Will() string {
	switch f.Decision {
	case journal.Claim:
		return "will become the bot's with the next look"
	case journal.CancelForeign:
		return "will be cancelled with the next look"
	case journal.Ignore:
		return "is left alone"
	}
	return ""
}

// tradeRow is an execution that no bot ordered.
type tradeRow struct {
	journal.ForeignTrade
	Market market
	When   moment
}

// Heading names a kind of differences.
func (reconciliation) Heading(k journal.DifferenceKind) string {
	switch k {
	case journal.OrderMissing:
		return "The exchange does not know an order"
	case journal.OrderAltered:
		return "An order is not what was asked for"
	case journal.OrderOrphaned:
		return "An order bears this bot's name and is not open in its journal"
	case journal.FillsMissing:
		return "Executions are missing"
	case journal.FillUnbooked:
		return "An execution is in no book"
	case journal.BalanceShort:
		return "There is less on the account than its bots should have"
	}
	return "Something differs"
}

// reconciled gathers what a live bot's page tells of journal and exchange.
func (w *Web) reconciled(rq *request, b bot.Bot, markets marketIndex) (reconciliation, error) {
	p := reconciliation{BotID: b.ID, Shown: b.Mode == bot.Live, Active: b.Desired || b.Status.Active(), MayTrade: rq.who.Can(tenancy.BotsTrade)}
	if !p.Shown {
		return p, nil
	}
	r, err := w.cfg.Blotter.Report(rq.Context(), rq.who, b.ID)
	if errs.CodeOf(errOrNone(err)) == "check_not_found" {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	p.Made, p.Report, p.Seen, p.Old = true, r, moment{r.At}, p.Active && r.Age(w.cfg.Now()) > oldCheck
	for _, o := range r.Orders {
		p.Foreign = append(p.Foreign, foreignRow{ForeignOrder: o, BotID: b.ID, Market: markets.of(o.Pair), Found: moment{o.FoundAt}, MayTrade: p.MayTrade})
	}
	for _, t := range r.Trades {
		p.Manual = append(p.Manual, tradeRow{ForeignTrade: t, Market: markets.of(t.Pair), When: moment{t.At}})
	}
	p.MayWriteOff = mayGoLive(rq.who) == nil && slices.ContainsFunc(r.Differences, func(d journal.Difference) bool { return d.Kind == journal.OrderMissing && d.Confirmed })
	p.Held = heldText(r.Books, markets)
	for _, book := range r.Books {
		m := markets.of(book.Pair)
		if book.Base.IsPositive() && book.Base.LessThan(m.Volume(m.MinVolume)) {
			p.Dust = append(p.Dust, grouped(book.Base.String())+" "+book.BaseCurrency)
		}
	}
	return p, nil
}

// heldText says what books hold, in words.
func heldText(books []journal.Book, markets marketIndex) []string {
	var list []string
	for _, b := range books {
		if !b.Base.IsZero() {
			list = append(list, grouped(b.Base.String())+" "+b.BaseCurrency)
		}
		if !b.Counter.IsZero() {
			list = append(list, markets.of(b.Pair).MoneyText(b.Counter)+" "+b.CounterCurrency)
		}
	}
	return list
}

// botReconciliation answers with the part of the page that is renewed.
func (w *Web) botReconciliation(rq *request) error { return w.showReconciliation(rq, nil) }

func (w *Web) showReconciliation(rq *request, refused error) error {
	b, markets, err := w.owned(rq)
	if err != nil {
		return err
	}
	p, err := w.reconciled(rq, b, markets)
	if err != nil {
		return err
	}
	if refused != nil {
		p.Error = sentence(messageOf(refused))
	}
	return w.part(rq, "bots/bot", "reconciliation", p)
}

// decided answers a decision: with the part of the page, or with the page.
func (w *Web) decided(rq *request, err error) error {
	kind := errs.KindOf(errOrNone(err))
	switch {
	case err != nil && kind != errs.Conflict && kind != errs.NotFound:
		return err
	case rq.isFragment():
		return w.showReconciliation(rq, err)
	case err != nil:
		return w.showBot(rq, describe(err).Status, outcome{refusal: err})
	}
	return rq.redirect("/bots/" + rq.PathValue("id"))
}

func (w *Web) decideForeign(rq *request) error {
	return w.decided(rq, w.cfg.Blotter.Decide(rq.Context(), rq.who, rq.PathValue("id"), rq.PostFormValue("pair"), rq.PostFormValue("venue_id"),
		journal.ForeignDecision(rq.PostFormValue("decision"))))
}

func (w *Web) resumeBot(rq *request) error {
	return w.decided(rq, w.cfg.Blotter.Resume(rq.Context(), rq.who, rq.PathValue("id")))
}

// liveOrders lists a live bot's orders at its exchange.
func (w *Web) liveOrders(rq *request, b bot.Bot, markets marketIndex, after string) (feed[orderRow], error) {
	l, err := w.cfg.Blotter.Orders(rq.Context(), rq.who, b.ID, page.Page{After: after})
	if err != nil {
		return feed[orderRow]{}, err
	}
	f := feed[orderRow]{BotID: b.ID, Several: several(b), Next: l.Next}
	for _, o := range l.Items {
		o.Order.Pair = o.Pair
		f.Rows = append(f.Rows, orderRow{Order: o.Order, At: moment{o.CreatedAt}, Market: markets.of(o.Pair), Several: f.Several, Live: true, BotID: b.ID, Changed: o.UpdatedAt.UnixMicro()})
	}
	return f, nil
}

// orderPage is what became of one live order.
type orderPage struct {
	blotter.Order
	Market  market
	Steps   []stepRow
	Fills   []executionRow
	Columns int
}

// stepRow is a transition.
type stepRow struct {
	journal.Transition
	When moment
	// More is how many steps of the same kind followed at once.
	More int
}

// part reports whether the step is one more part of a fill that goes on.
func (s stepRow) part() bool { return s.From == journal.PartiallyFilled && s.To == s.From }

// Word is what the order became.
func (s stepRow) Word() string {
	if s.From == s.To {
		return "still " + stateText(s.To)
	}
	return stateText(s.To)
}

// executionRow is an execution of the order.
type executionRow struct {
	journal.LiveFill
	Market market
	When   moment
}

// FeeText is the fee with its currency.
func (f executionRow) FeeText() string {
	return fillRow{Fill: f.Fill, Market: f.Market}.FeeText()
}

// orderName is what people find an order by: the exchange's id, or the number here of one
// that it gave none.
func orderName(venueID string, number int64) string {
	if venueID != "" {
		return venueID
	}
	return "order " + strconv.FormatInt(number, 10)
}

// stateText is the state of an order in words: denied is ours, rejected the
// exchange's (rule T11).
func stateText(s journal.OrderState) string {
	switch s {
	case journal.Denied:
		return "denied here"
	case journal.Rejected:
		return "rejected by the exchange"
	case journal.Submitted, journal.Unknown, journal.Open, journal.PartiallyFilled, journal.Filled, journal.Cancelled, journal.Expired:
	}
	return strings.ReplaceAll(string(s), "_", " ")
}

// botOrder answers with the history of one live order.
func (w *Web) botOrder(rq *request) error {
	b, markets, err := w.owned(rq)
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(rq.PathValue("number"), 10, 64)
	if err != nil {
		return errs.New(errs.NotFound, "order_not_found", "There is no such order.")
	}
	o, err := w.cfg.Blotter.Order(rq.Context(), rq.who, b.ID, number)
	if err != nil {
		return err
	}
	p := orderPage{Order: o, Market: markets.of(o.Pair), Columns: 7}
	if several(b) {
		p.Columns++
	}
	for _, t := range o.History {
		step := stepRow{Transition: t, When: moment{t.At}}
		// Its fills are listed one by one below.
		if n := len(p.Steps); n > 1 && step.part() && p.Steps[n-1].part() && p.Steps[n-2].part() {
			p.Steps[n-1].More++
			continue
		}
		p.Steps = append(p.Steps, step)
	}
	for _, f := range o.Fills {
		p.Fills = append(p.Fills, executionRow{LiveFill: f, Market: p.Market, When: moment{f.Time}})
	}
	if !rq.isFragment() {
		return rq.redirect("/bots/" + b.ID)
	}
	return w.part(rq, "bots/bot", "order-history", p)
}
