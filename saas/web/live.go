package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// livePage is the form that takes a bot live, with what can be lost.
type livePage struct {
	Bot    bot.Bot
	Market market
	// Venue is the exchange's name in sentences; "" if bots stay on paper here.
	Venue    string
	Accounts []accountChoice
	// More says that there are more accounts than are listed.
	More    bool
	Balance string
	Confirm string
	Waive   bool
	Facts   liveFacts
	Faults  faults
	// Error concerns the form as a whole.
	Error string
}

// accountChoice is an account that can be chosen.
type accountChoice struct {
	account.Account
	Chosen bool
}

// liveFacts are what there is to know before a bot moves real money.
type liveFacts struct {
	bot.LiveSummary
	Market market
	Venue  string
	// Known is true once there is a summary.
	Known bool
	Seen  moment
}

// BalancesAtKnown reports whether it was ever seen what the account holds.
func (f liveFacts) BalancesAtKnown() bool { return !f.Account.BalancesAt.IsZero() }

// Bounds are the bot's own limits.
func (f liveFacts) Bounds() []boundField { return boundsOf(f.Risk).Lines(f.Market.Base) }

// Worst is the most that the bot can lose.
func (f liveFacts) Worst() string { return f.Market.MoneyText(f.Balance) + " " + f.Currency }

// Money writes an amount of the counter currency.
func (f liveFacts) Money(d decimal.Decimal) string { return f.Market.MoneyText(d) }

// Lasted is how long the paper run was, in words.
func (f liveFacts) Lasted() string { return length(f.Paper.Lasted) }

// Fall is the largest fall on paper in per cent.
func (f liveFacts) Fall() decimal.Decimal { return f.Paper.MaxDrawdown.Mul(decimal.NewFromInt(100)) }

// FallOf is what that would be of the allocation.
func (f liveFacts) FallOf() decimal.Decimal { return f.Paper.MaxDrawdown.Mul(f.Balance) }

// Fee is what a side costs on paper, in per cent.
func (f liveFacts) Fee() string {
	return decimal.NewFromInt(int64(f.Fees.Taker)).Mul(decimal.NewFromInt(100)).Div(decimal.NewFromInt(int64(exchange.RateOne))).String()
}

// Against are the sentences that stand against going live; faulty fields say so
// where they stand.
func (f liveFacts) Against() []string {
	var list []string
	for _, e := range f.Obstacles {
		if e.Kind != errs.Invalid {
			list = append(list, sentence(e.Message))
		}
	}
	return list
}

// mayGoLive is the error of who may not decide about real money.
func mayGoLive(who tenancy.Principal) error {
	if err := who.Require(tenancy.BotsTrade); err != nil {
		return err
	}
	return who.Require(tenancy.AccountsWrite)
}

func (w *Web) liveForm(rq *request) error {
	p, err := w.livePage(rq, rq.URL.Query())
	if err != nil {
		return err
	}
	if rq.isFragment() {
		return w.part(rq, "bots/live", "live-checked", p)
	}
	return w.showLive(rq, http.StatusOK, p)
}

func (w *Web) goLive(rq *request) error {
	p, err := w.livePage(rq, rq.PostForm)
	if err != nil {
		return err
	}
	in := p.input()
	in.Confirm, in.Waive = p.Confirm, p.Waive
	_, err = w.cfg.Bots.GoLive(rq.Context(), rq.who, p.Bot.ID, in)
	bad, invalid := faultsOf(err)
	switch {
	case err == nil:
		return rq.redirect("/bots/" + p.Bot.ID + "?notice=live")
	case invalid && p.Faults != nil: // the amount could not be read, and was not given
	case invalid:
		p.Faults = bad
	case errs.CodeOf(err) == "paper_run_missing":
		p.Faults = faults{"waive": sentence(messageOf(err))}
	case errs.KindOf(err) == errs.Conflict:
		p.Error = messageOf(err)
	default:
		return err
	}
	return w.showLive(rq, describe(err).Status, p)
}

func (w *Web) showLive(rq *request, status int, p livePage) error {
	return w.page(rq, status, "bots/live", view{Title: "Take " + p.Bot.Name + " live", Nav: "bots", Mode: string(bot.Live), MarketNotice: w.cfg.MarketNotice, D: p})
}

// input is what the form says, without the confirmation.
func (p livePage) input() bot.GoLiveInput {
	in := bot.GoLiveInput{}
	for _, a := range p.Accounts {
		if a.Chosen {
			in.AccountID = a.ID
		}
	}
	if d, err := decimal.NewFromString(plainNumber(p.Balance)); err == nil {
		in.Balance = &d
	}
	return in
}

// livePage reads the form and gathers what there is to know.
func (w *Web) livePage(rq *request, form url.Values) (livePage, error) {
	if err := mayGoLive(rq.who); err != nil {
		return livePage{}, err
	}
	b, c, err := w.configured(rq)
	if err != nil {
		return livePage{}, err
	}
	markets, err := w.markets(rq)
	if err != nil {
		return livePage{}, err
	}
	p := livePage{Bot: b, Market: markets.of(b.Pair), Venue: w.cfg.LiveTitle, Balance: trimmed(c.Balance), Confirm: form.Get("confirm"), Waive: form.Get("waive") != ""}
	if p.Venue == "" {
		return p, nil
	}
	l, err := w.cfg.Accounts.Accounts(rq.Context(), rq.who, page.Page{Limit: page.MaxLimit})
	if err != nil {
		return livePage{}, err
	}
	chosen := form.Get("account")
	for _, a := range l.Items {
		if chosen == "" && a.State == account.Connected {
			chosen = a.ID
		}
		p.Accounts = append(p.Accounts, accountChoice{Account: a, Chosen: a.ID == chosen})
	}
	p.More = l.Next != ""
	if form.Has("balance") {
		p.Balance = form.Get("balance")
	}
	in := p.input()
	if in.Balance == nil {
		p.Faults = faults{"balance": "Must be a plain number, such as 1000."}
		return p, nil
	}
	sum, err := w.cfg.Bots.Preview(rq.Context(), rq.who, b.ID, in)
	if err != nil {
		return livePage{}, err
	}
	p.Facts = liveFacts{LiveSummary: sum, Market: p.Market, Venue: p.Venue, Known: true, Seen: moment{sum.Account.BalancesAt}}
	for _, e := range sum.Obstacles {
		if bad, ok := faultsOf(e); ok {
			p.Faults = bad
		}
	}
	return p, nil
}

// untriedPart is what a form asks before a live bot trades otherwise than it did on paper.
type untriedPart struct {
	// Asks is true of a live bot.
	Asks    bool
	Confirm string
	Waive   bool
}

// untriedOf reads that part.
func untriedOf(rq *request) bot.Untried {
	return bot.Untried{Confirm: rq.PostFormValue("confirm"), Waive: rq.PostFormValue("waive") != ""}
}

// paperPage is the question before a bot goes back to paper.
type paperPage struct {
	Bot     bot.Bot
	Account string
	Left    []string
	// Unsettled counts the orders that are not known to be over.
	Unsettled int
	Error     string
}

func (w *Web) paperForm(rq *request) error { return w.showPaper(rq, http.StatusOK, "") }

func (w *Web) showPaper(rq *request, status int, fault string) error {
	if err := mayGoLive(rq.who); err != nil {
		return err
	}
	b, markets, err := w.owned(rq)
	if err != nil {
		return err
	}
	p := paperPage{Bot: b, Account: w.accountName(rq, b), Error: fault}
	if r, err := w.cfg.Blotter.Report(rq.Context(), rq.who, b.ID); err == nil {
		p.Left = heldText(r.Books, markets)
	} else if errs.KindOf(err) != errs.NotFound {
		return err
	}
	l, err := w.cfg.Bots.Leftover(rq.Context(), rq.who, b.ID)
	if err != nil {
		return err
	}
	p.Unsettled = len(l.Orders)
	return w.page(rq, status, "bots/paper", view{Title: "Take " + b.Name + " back to paper", Nav: "bots", Mode: string(b.Mode), MarketNotice: w.cfg.MarketNotice, D: p})
}

func (w *Web) goPaper(rq *request) error {
	id := rq.PathValue("id")
	_, err := w.cfg.Bots.GoPaper(rq.Context(), rq.who, id, 0)
	if errs.KindOf(errOrNone(err)) == errs.Conflict {
		return w.showPaper(rq, http.StatusConflict, messageOf(err))
	}
	if err != nil {
		return err
	}
	return rq.redirect("/bots/" + id + "?notice=paper")
}

// errOrNone is an error that is no conflict in place of none.
func errOrNone(err error) error {
	if err == nil {
		return errs.New(errs.Internal, "", "")
	}
	return err
}

// accountName is what the account of a live bot is called.
func (w *Web) accountName(rq *request, b bot.Bot) string {
	if b.AccountID == "" {
		return ""
	}
	a, err := w.cfg.Accounts.Account(rq.Context(), rq.who, b.AccountID)
	if err != nil {
		return "an account that cannot be found"
	}
	return a.Name
}

// began is when the account began that a bot keeps, in market time, and whether it
// has; of a bot that never changed its ledger all is of one account.
func (w *Web) began(rq *request, b bot.Bot) (since time.Time, ok bool, err error) {
	if b.Ledger == 0 {
		return time.Time{}, true, nil
	}
	sums, err := w.cfg.Journal.Summaries(rq.Context(), rq.who.TenantID, b.ID)
	sum, found := sums[b.ID]
	return sum.Since, found && sum.Ledger == b.Ledger, err
}
