package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/tenancy"
)

// formPage is the form of a new bot, or of one that is being changed.
type formPage struct {
	Form       botForm
	Pairs      []pairCard
	Periods    []period
	Period     period // the chosen one
	Strategies []Strategy
	Chosen     Strategy
	// Versions are those of the strategy that can be chosen; a bot that is being
	// changed keeps its own.
	Versions []versionChoice
	Groups   []fieldGroup
	Further  []pairSelect // none if the strategy trades one pair only
	Faults   faults
	Market   market
	// Isolations are whose bots may share the bot's process, and IsolationRefusal says
	// which plan includes what this one does not.
	Isolations       []isolationChoice
	IsolationRefusal string
	// Error concerns the form as a whole; Upgrade is the plan that would help.
	Error   string
	Upgrade string
	// BotID is the bot that is being changed; "" for a new one. Live says that it trades
	// with real money.
	BotID string
	Live  bool
	// Tightens is true of a live bot whose bounds the visitor may tighten and not loosen.
	Tightens bool
	untriedPart
	// Venue is the exchange at which bots can go live; "" if there is none.
	Venue string
}

// pairCard is one market to choose.
type pairCard struct {
	market
	Last     string
	Selected bool
}

// defaultBalance is what the form suggests.
const defaultBalance = "10000"

func (w *Web) newBot(rq *request) error {
	if err := rq.who.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	full, err := w.botsFull(rq)
	if err != nil {
		return err
	}
	if full != nil {
		return w.page(rq, full.Status, "errors/limit", view{Title: full.Heading, Nav: "bots", D: *full})
	}
	form, notice, warning, err := w.suggestedBot(rq)
	if err != nil {
		return err
	}
	p, err := w.formPage(rq, form, nil)
	if err != nil {
		return err
	}
	if p.Form.Name == "" && p.Chosen.Name != "" {
		p.Form.Name = p.Market.Base + " " + p.Chosen.Title
	}
	return w.page(rq, http.StatusOK, "bots/new", view{Title: "New bot", Nav: "bots", MarketNotice: w.cfg.MarketNotice, Notice: notice, Warning: warning, D: p})
}

// suggestedBot is the form to begin with: what the address says, or what a
// backtest ran with.
func (w *Web) suggestedBot(rq *request) (form botForm, notice, warning string, err error) {
	q := rq.URL.Query()
	if q.Get("backtest") == "" {
		return botForm{Balance: defaultBalance, Interval: q.Get("interval"), Strategy: q.Get("strategy"), Pin: q.Get("pin"), Pair: q.Get("pair")}, "", "", nil
	}
	r, err := w.cfg.Research.Run(rq.Context(), rq.who, q.Get("backtest"))
	if err != nil {
		return botForm{}, "", "", err
	}
	s, gone := w.ran(r.Strategy, r.StrategyVersion, "The backtest")
	form = testFormOf(r, s).botForm
	if r.Source == research.FromStore {
		form.Pair, form.Also, form.AlsoMost = "", nil, nil // markets that bots may not trade in
	}
	if gone != "" {
		return form, "", gone, nil
	}
	return form, "Filled in with what the backtest “" + r.Name + "” ran with. Look it over before you create the bot.", "", nil
}

// formPage completes a form with what there is to choose from; what is not
// chosen yet, or is not to be had, becomes the first choice.
func (w *Web) formPage(rq *request, f botForm, bad faults) (formPage, error) {
	p := formPage{Form: f, Venue: w.cfg.LiveTitle, Strategies: w.cfg.Strategies(), Faults: bad, Periods: periods(), Period: periodOf(bot.ParseInterval(f.Interval))}
	markets, err := w.cfg.Markets.Markets(rq.Context())
	if err != nil {
		return formPage{}, err
	}
	for i, m := range markets {
		if m.Pair == f.Pair || (i == 0 && f.Pair == "") {
			p.Form.Pair, p.Market = m.Pair, market{m}
		}
	}
	prices := w.cfg.Prices(rq.Context(), pairsOf(markets))
	for _, m := range markets {
		last := prices[m.Pair]
		card := pairCard{market: market{m}, Selected: m.Pair == p.Form.Pair}
		if last > 0 {
			card.Last = card.PriceText(m.Price(last))
		}
		p.Pairs = append(p.Pairs, card)
	}
	if p.Isolations, p.IsolationRefusal, err = w.isolations(rq, catalog.Isolation(f.Isolation)); err != nil {
		return formPage{}, err
	}
	var ok bool
	if p.Chosen, ok = w.chosen(f.Strategy, f.Pin); !ok { // that version is gone
		p.Chosen, ok = w.strategy(f.Strategy)
	}
	if !ok && len(p.Strategies) > 0 {
		p.Chosen = p.Strategies[0]
	}
	p.Form.Strategy, p.Versions = p.Chosen.Name, w.versionChoices(p.Chosen)
	if p.Chosen.Schema != nil {
		p.Groups = askedFor(p.Chosen.Schema, f.Params, bad)
		offerPairs(p.Groups, pairsOf(markets))
		nameUnits(p.Groups, p.Market)
		if err := w.lacking(rq, p.Groups); err != nil {
			return formPage{}, err
		}
	}
	if p.Chosen.TradesPairs {
		p.Further = p.Form.furtherSelects(pairsOf(markets), bad)
	}
	return p, nil
}

// submitted reads a form and asks the service what is wrong with it.
func (w *Web) submitted(rq *request) (botForm, bot.CreateInput, faults, error) {
	chosen, _ := w.chosen(rq.PostFormValue("strategy"), rq.PostFormValue("pin"))
	form := readForm(rq.PostForm, chosen)
	in, bad := form.input(chosen)
	if err := w.cfg.Bots.Check(rq.Context(), rq.who, in); err != nil {
		more, ok := faultsOf(err)
		if !ok {
			return form, in, nil, err
		}
		bad = bad.merge(more)
	}
	return form, in, bad, nil
}

// checkBot answers a form that is still being filled in with its faults and the
// summary.
func (w *Web) checkBot(rq *request) error {
	form, _, bad, err := w.submitted(rq)
	if err != nil {
		return err
	}
	p, err := w.formPage(rq, form, bad)
	if err != nil {
		return err
	}
	return w.part(rq, "bots/new", "checked", p)
}

// newBotStrategy answers with the parameters of another strategy, or of another version
// of it.
func (w *Web) newBotStrategy(rq *request) error {
	p, err := w.parametersOf(rq)
	if err != nil {
		return err
	}
	if p.Chosen.TradesPairs {
		markets, err := w.cfg.Markets.Markets(rq.Context())
		if err != nil {
			return err
		}
		p.Further = p.Form.furtherSelects(pairsOf(markets), nil)
	}
	return w.part(rq, "bots/new", "new-parameters", p)
}

// parametersOf is the part of a form that has the parameters of the strategy that the
// address names: with what it says of them, else with their defaults.
func (w *Web) parametersOf(rq *request) (formPage, error) {
	sent := rq.URL.Query()
	s, ok := w.chosen(sent.Get("strategy"), sent.Get("pin"))
	if !ok {
		return formPage{}, errs.New(errs.NotFound, "strategy_not_found", "There is no such strategy.")
	}
	form := readForm(sent, s)
	p := formPage{Form: form, Chosen: s, Versions: w.versionChoices(s), Groups: askedFor(s.Schema, form.Params, nil)}
	markets, err := w.cfg.Markets.Markets(rq.Context())
	if err != nil {
		return formPage{}, err
	}
	pairs := pairsOf(markets)
	if parseRef(rq.URL.Query().Get("pair")).Source == research.FromStore {
		if pairs, err = w.storedPairs(rq); err != nil {
			return formPage{}, err
		}
	}
	offerPairs(p.Groups, pairs)
	for _, m := range markets {
		if m.Pair == form.Pair {
			nameUnits(p.Groups, market{m})
		}
	}
	return p, w.lacking(rq, p.Groups)
}

// manyPairs is from how many pairs on their cards are in a box of their own, which
// scrolls.
const manyPairs = 13

// ManyPairs reports whether there are so many.
func (p formPage) ManyPairs() bool { return len(p.Pairs) >= manyPairs }

func pairsOf(markets []exchange.Market) []string {
	pairs := make([]string, len(markets))
	for i, m := range markets {
		pairs[i] = m.Pair
	}
	return pairs
}

func (w *Web) createBot(rq *request) error {
	form, in, bad, err := w.submitted(rq)
	if err != nil {
		return err
	}
	if len(bad) == 0 {
		_, b, err := w.cfg.Bots.Create(rq.Context(), rq.who, in)
		if err == nil {
			return rq.redirect("/bots/" + b.ID + "?notice=created")
		}
		if errs.KindOf(err) != errs.LimitExceeded {
			return err
		}
		return w.refuseForm(rq, http.StatusForbidden, form, nil, err)
	}
	return w.refuseForm(rq, http.StatusUnprocessableEntity, form, bad, nil)
}

// refuseForm shows the form of a new bot again.
func (w *Web) refuseForm(rq *request, status int, form botForm, bad faults, err error) error {
	p, perr := w.formPage(rq, form, bad)
	if perr != nil {
		return perr
	}
	if err != nil {
		p.Error, p.Upgrade = messageOf(err), upgradeOf(err)
	}
	return w.page(rq, status, "bots/new", view{Title: "New bot", Nav: "bots", MarketNotice: w.cfg.MarketNotice, D: p})
}

func (w *Web) editBot(rq *request) error {
	if err := rq.who.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	b, c, err := w.configured(rq)
	if err != nil {
		return err
	}
	if b.Guarded() {
		return errs.New(errs.Conflict, "bot_guarded", "%s has failed, and what it left is looked after. Stop it before you change it.", b.Name)
	}
	if b.AtWork() {
		return errs.New(errs.Conflict, "bot_running", "%s is running. Stop it before you change it.", b.Name)
	}
	chosen, ok := w.chosen(c.Strategy, c.StrategyVersion)
	if !ok && c.StrategyVersion != "" {
		return rq.redirect("/bots/" + b.ID + "/upgrade") // it needs a version that can be used first
	}
	return w.showEdit(rq, http.StatusOK, b, formOf(c, chosen), nil, "")
}

func (w *Web) showEdit(rq *request, status int, b bot.Bot, form botForm, bad faults, problem string) error {
	p, err := w.formPage(rq, form, bad)
	if err != nil {
		return err
	}
	p.of(b, rq.who)
	in := untriedOf(rq)
	p.Confirm, p.Waive, p.Error = in.Confirm, in.Waive, problem
	return w.editPage(rq, status, b, p)
}

// of says which bot is being changed.
func (p *formPage) of(b bot.Bot, who tenancy.Principal) {
	p.BotID, p.Live = b.ID, b.Mode == bot.Live
	p.Asks = p.Live
	p.Tightens = p.Live && !bot.MayLoosen(who)
}

func (w *Web) editPage(rq *request, status int, b bot.Bot, p formPage) error {
	return w.page(rq, status, "bots/edit", view{
		Title: "Change " + b.Name, Nav: "bots", Mode: string(b.Mode), MarketNotice: w.cfg.MarketNotice, D: p,
	})
}

// configured returns the bot of the path with its configuration.
func (w *Web) configured(rq *request) (bot.Bot, bot.Config, error) {
	b, err := w.cfg.Bots.Bot(rq.Context(), rq.who, rq.PathValue("id"))
	if err != nil {
		return bot.Bot{}, bot.Config{}, err
	}
	c, err := w.cfg.Bots.Config(rq.Context(), rq.who, b.ConfigID)
	return b, c, err
}

// changed reads the form of an existing bot, whose market and strategy stay.
func (w *Web) changed(rq *request) (bot.Bot, botForm, bot.CreateInput, faults, error) {
	b, c, err := w.configured(rq)
	if err != nil {
		return bot.Bot{}, botForm{}, bot.CreateInput{}, nil, err
	}
	rq.PostForm.Set("pair", b.Pair)
	rq.PostForm.Set("strategy", b.Strategy)
	rq.PostForm.Set("pin", c.StrategyVersion)
	if rq.PostForm.Get("isolation") == "" {
		rq.PostForm.Set("isolation", string(c.Isolation))
	}
	if rq.PostForm.Get("interval") == "" { // not in a form that was opened before there was a choice
		rq.PostForm.Set("interval", bot.IntervalName(b.Interval))
	}
	form, in, bad, err := w.submitted(rq)
	return b, form, in, bad, err
}

func (w *Web) checkEdit(rq *request) error {
	b, form, _, bad, err := w.changed(rq)
	if err != nil {
		return err
	}
	p, err := w.formPage(rq, form, bad)
	if err != nil {
		return err
	}
	p.of(b, rq.who)
	return w.part(rq, "bots/edit", "checked", p)
}

func (w *Web) updateBot(rq *request) error {
	b, form, in, bad, err := w.changed(rq)
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		return w.showEdit(rq, http.StatusUnprocessableEntity, b, form, bad, "")
	}
	version, err := strconv.ParseInt(form.Version, 10, 64)
	if err != nil {
		return errs.New(errs.Malformed, "version_missing", "The form was not complete. Open it again.")
	}
	_, err = w.cfg.Bots.Update(rq.Context(), rq.who, b.ConfigID, bot.UpdateInput{
		Name: &in.Name, Also: in.Also, Interval: &in.Interval, Isolation: &in.Isolation, Parameters: in.Parameters, Balance: in.Balance, Risk: &in.Risk, Version: version,
		Untried: untriedOf(rq),
	})
	bad, invalid := faultsOf(err)
	switch {
	case errs.CodeOf(errOrNone(err)) == "paper_run_missing":
		return w.showEdit(rq, http.StatusConflict, b, form, faults{"waive": sentence(messageOf(err))}, "")
	case invalid && bad["confirm"] != "":
		return w.showEdit(rq, http.StatusUnprocessableEntity, b, form, bad, "")
	case err == nil:
		return rq.redirect("/bots/" + b.ID + "?notice=saved")
	case errs.CodeOf(err) == "bounds_loosened":
		return w.showEdit(rq, http.StatusForbidden, b, form, nil, sentence(messageOf(err)))
	case errs.KindOf(err) == errs.Stale:
		return w.showEdit(rq, http.StatusPreconditionFailed, b, form, nil, "Somebody has changed this bot since you opened the form. Open it again to see their changes.")
	case errs.KindOf(err) == errs.LimitExceeded:
		p, perr := w.formPage(rq, form, nil)
		if perr != nil {
			return perr
		}
		p.of(b, rq.who)
		p.Error, p.Upgrade = messageOf(err), upgradeOf(err)
		return w.editPage(rq, http.StatusForbidden, b, p)
	}
	return err
}

// closes returns the newest closing prices of pairs, in ticks, as far as the history
// has any of the last minutes.
func (c Config) closes(ctx context.Context, pairs []string) map[string]exchange.Ticks {
	prices := map[string]exchange.Ticks{}
	for _, pair := range pairs {
		candles, err := c.Markets.Candles(ctx, pair, time.Minute, c.MarketTime().Add(-10*time.Minute), 10)
		if err == nil && len(candles) > 0 {
			prices[pair] = candles[len(candles)-1].Close
		}
	}
	return prices
}
