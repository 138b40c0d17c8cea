package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/tenancy"
)

// botPage is what a bot's page shows.
type botPage struct {
	botRow
	Config    bot.Config
	Params    []paramRow
	Decisions feed[decisionRow]
	Orders    feed[orderRow]
	Fills     feed[fillRow]
	Hook      hookPart
	Signals   feed[signalRow]
	Version   versionPart
	Replay    replayPart
	// Reconciled is how journal and exchange of a live bot compare, and Account what
	// its account is called. Venue is the exchange at which a bot on paper can go live;
	// "" if there is none. MayDecide says that one may decide about real money.
	Reconciled reconciliation
	Account    string
	Venue      string
	MayDecide  bool
	MarketTime moment
	Periods    []period // those that the chart offers
	// Markets are the pairs with their decimals, as JSON for the page's script.
	Markets  string
	MayTrade bool
	MayWrite bool
	// MayResume is true for who may let it buy again after its largest drawdown.
	MayResume bool
	// Barred is why it cannot be started: a kill switch is on; "" if it can.
	Barred string
	// Error is a refusal that the page shows; Upgrade is the plan that would
	// help.
	Error   string
	Upgrade string
	Limit   bool
	// DeleteFault opens the question before deleting again and says why.
	DeleteFault string
	// The templates of rows that arrive while the page is open.
	BlankDecision decisionRow
	BlankOrder    orderRow
	BlankFill     fillRow
}

// Process says who shares the bot's process, as far as its tenant asks for it.
func (p botPage) Process() string { return isolationText(p.Config.Isolation.Stricter(catalog.Shared)) }

// Bounds are the bot's own limits.
func (p botPage) Bounds() []boundField { return boundsOf(p.Config.Risk).Lines(p.Market.Base) }

// paramRow is a parameter with its value in words.
type paramRow struct {
	Label, Value, Unit, Help string
}

// scale is a market as the page's script needs it.
type scale struct {
	Pair   string `json:"pair"`
	Base   string `json:"base"`
	Price  int32  `json:"price"`
	Volume int32  `json:"volume"`
	Money  int32  `json:"money"`
	Tick   string `json:"tick"`
}

// scalesOf are the markets of a bot's pairs, its own first, as JSON.
func scalesOf(b bot.Bot, markets marketIndex) (string, error) {
	own := markets.of(b.Pair)
	var list []scale
	for _, pair := range b.Pairs() {
		m := markets.of(pair)
		list = append(list, scale{pair, m.Base, m.PriceDecimals(), m.VolumeDecimals(), own.MoneyDecimals(), m.TickText()})
	}
	raw, err := json.Marshal(list)
	return string(raw), err
}

// SummaryJSON is the bot's account for the page's script.
func (p botPage) SummaryJSON() (string, error) {
	raw, err := json.Marshal(p.Sum)
	return string(raw), err
}

// Waiting says which candle the bot waits for.
func (p botPage) Waiting() string { return p.Period().Waiting(p.MarketTime.Time) }

// StartBalance is what the bot begins with.
func (p botPage) StartBalance() decimal.Decimal { return p.Config.Balance }

// outcome is what a form on a bot's page has come to.
type outcome struct {
	// refusal is why it was refused, and deleteFault why the bot is not deleted.
	refusal     error
	deleteFault string
	// secret is a webhook's new one, which no other page shows.
	secret hook.Secret
}

func (w *Web) botPage(rq *request) error { return w.showBot(rq, http.StatusOK, outcome{}) }

// showBot renders a bot's page, with what a form on it has come to.
func (w *Web) showBot(rq *request, status int, of outcome) error {
	b, c, err := w.configured(rq)
	if err != nil {
		return err
	}
	rows, err := w.rows(rq, []bot.Bot{b}, false)
	if err != nil {
		return err
	}
	p := botPage{
		botRow: rows[0], Config: c, MarketTime: moment{w.cfg.MarketTime()}, Periods: periods(), DeleteFault: of.deleteFault,
		MayTrade: rq.who.Can(tenancy.BotsTrade), MayWrite: rq.who.Can(tenancy.BotsWrite),
		MayResume: rq.who.Can(tenancy.BotsTrade) && (b.Mode != bot.Live || bot.MayLoosen(rq.who)),
	}
	markets, err := w.markets(rq)
	if err != nil {
		return err
	}
	p.BlankFill.Market, p.BlankOrder.Market = p.Market, p.Market
	p.BlankFill.Several, p.BlankOrder.Several = p.Several(), p.Several()
	if p.Markets, err = scalesOf(b, markets); err != nil {
		return err
	}
	if !p.Traded {
		p.Sum.Equity, p.Sum.Cash, p.Sum.FreeCash = c.Balance, c.Balance, c.Balance
	}
	if of.refusal != nil {
		p.Error, p.Upgrade, p.Limit = messageOf(of.refusal), upgradeOf(of.refusal), errs.KindOf(of.refusal) == errs.LimitExceeded
	}
	p.Barred = w.barred(rq, b)
	p.Venue, p.MayDecide, p.Account = w.cfg.LiveTitle, mayGoLive(rq.who) == nil, w.accountName(rq, b)
	p.BlankOrder.Live, p.BlankOrder.BotID = b.Mode == bot.Live, b.ID
	if p.Reconciled, err = w.reconciled(rq, b, markets); err != nil {
		return err
	}
	p.Version = w.versionOf(rq, b, c)
	p.Params = w.parameterRows(c.Strategy, c.StrategyVersion, c.Parameters, p.Market)
	if p.Decisions, err = w.decisions(rq, b, ""); err != nil {
		return err
	}
	if p.Orders, err = w.orders(rq, b, markets, ""); err != nil {
		return err
	}
	if p.Fills, err = w.fills(rq, b, markets, ""); err != nil {
		return err
	}
	if p.Hook, err = w.hookOf(rq, b, of.secret); err != nil {
		return err
	}
	if p.Hook.Shown {
		if p.Signals, err = w.signals(rq, b, ""); err != nil {
			return err
		}
		p.Hook.Used = len(p.Signals.Rows) > 0
	}
	if p.Replay, err = w.replayOf(rq, b.ID); err != nil {
		return err
	}
	return w.page(rq, status, "bots/bot", view{
		Title: b.Name, Nav: "bots", Mode: string(b.Mode), MarketNotice: w.cfg.MarketNotice, D: p,
	})
}

func (w *Web) startBot(rq *request) error { return w.wish(rq, w.cfg.Bots.Start) }

func (w *Web) stopBot(rq *request) error { return w.wish(rq, w.cfg.Bots.Stop) }

// closeOnly begins or ends winding a bot down.
func (w *Web) closeOnly(rq *request) error {
	on := rq.PostFormValue("on") == "true"
	return w.wish(rq, func(ctx context.Context, p tenancy.Principal, id string) (bot.Bot, error) {
		return w.cfg.Bots.CloseOnly(ctx, p, id, on)
	})
}

func (w *Web) resumeBreaker(rq *request) error { return w.wish(rq, w.cfg.Bots.ResumeBreaker) }

// breakerPart is the banner of what keeps a bot from buying.
type breakerPart struct {
	ID string
	// Text says why, and Until or Cooling until when; zero if somebody has to resume it.
	Text           string
	Since          moment
	Until, Cooling moment
	MayResume      bool
}

// Breaker is the banner of what keeps the bot from buying.
func (p botPage) Breaker() breakerPart {
	out := breakerPart{ID: p.ID, MayResume: p.MayResume && p.Desired}
	if !p.Traded || !p.Active() {
		return out
	}
	if b := p.Sum.Breaker; b != nil {
		out.Text, out.Since, out.Until = sentence(b.Reason), moment{b.Since}, moment{b.Until}
	} else if p.Sum.CoolUntil.After(p.MarketTime.Time) {
		out.Cooling = moment{p.Sum.CoolUntil}
	}
	return out
}

// wish starts or stops a bot; a refusal is shown on its page.
func (w *Web) wish(rq *request, do func(context.Context, tenancy.Principal, string) (bot.Bot, error)) error {
	id := rq.PathValue("id")
	if _, err := do(rq.Context(), rq.who, id); err != nil {
		if kind := errs.KindOf(err); kind == errs.LimitExceeded || kind == errs.Conflict {
			return w.showBot(rq, describe(err).Status, outcome{refusal: err})
		}
		return err
	}
	return rq.redirect("/bots/" + id)
}

// deleteBot removes a bot once its name has been typed.
func (w *Web) deleteBot(rq *request) error {
	b, err := w.cfg.Bots.Bot(rq.Context(), rq.who, rq.PathValue("id"))
	if err != nil {
		return err
	}
	if strings.TrimSpace(rq.PostFormValue("name")) != b.Name {
		return w.showBot(rq, http.StatusUnprocessableEntity, outcome{deleteFault: "This is not the bot's name."})
	}
	if err := w.cfg.Bots.Delete(rq.Context(), rq.who, b.ID); err != nil {
		if errs.KindOf(err) == errs.Conflict {
			return w.showBot(rq, http.StatusConflict, outcome{refusal: err})
		}
		return err
	}
	return rq.redirect("/bots?notice=deleted")
}
