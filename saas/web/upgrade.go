package web

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/tenancy"
)

// versions lists the versions of a bot's strategy that can be used: the one that it
// has, which is missing if it cannot be used any more, and the others, the newest
// first.
func (w *Web) versions(c bot.Config) (has Strategy, ok bool, others []Strategy) {
	for _, v := range w.cfg.Versions(c.Strategy) {
		if v.Pin == c.StrategyVersion {
			has, ok = v, true
		} else {
			others = append(others, v)
		}
	}
	slices.SortStableFunc(others, func(a, b Strategy) int { return catalog.CompareVersions(b.Version, a.Version) })
	return has, ok, others
}

// versionPart is what a bot's page tells of the version of its strategy (rule PL7).
type versionPart struct {
	BotID    string
	MayWrite bool
	// Active is true if the bot runs or is to.
	Active bool
	// Has is the version that it has; Usable is false if that cannot be used any more.
	Has    string
	Usable bool
	// Newest is the newest of the others if it is newer, and Others is how many there
	// are.
	Newest string
	Others int
	// To is the version to which it is being upgraded; Pending is true while it is.
	To      string
	Pending bool
	// Fault is why the last upgrade was refused.
	Fault string
}

// versionOf says what there is to say of a bot's version.
func (w *Web) versionOf(rq *request, b bot.Bot, c bot.Config) versionPart {
	has, ok, others := w.versions(c)
	p := versionPart{
		BotID: b.ID, MayWrite: rq.who.Can(tenancy.BotsWrite), Active: b.Desired || b.Status.Active(), Has: cmp.Or(has.Version, c.StrategyVersion), Usable: ok,
		Others: len(others), Pending: c.Upgrade.Pending(), Fault: sentence(c.Upgrade.Fault),
	}
	if len(others) > 0 && (!ok || catalog.CompareVersions(others[0].Version, has.Version) > 0) {
		p.Newest = others[0].Version
	}
	if p.Pending {
		p.To = c.Upgrade.Version
		for _, v := range others {
			if v.Pin == c.Upgrade.Version {
				p.To = v.Version
			}
		}
	}
	return p
}

// botVersion answers a page that waits for an upgrade: with the same while it is
// under way, and then with the bot's page anew, which tells what came of it.
func (w *Web) botVersion(rq *request) error {
	b, c, err := w.configured(rq)
	switch {
	case err != nil:
		return err
	case c.Upgrade.Pending():
		return w.part(rq, "bots/bot", "version", w.versionOf(rq, b, c))
	case c.Upgrade.Fault != "":
		return rq.redirect("/bots/" + b.ID)
	}
	return rq.redirect("/bots/" + b.ID + "?notice=upgraded")
}

// upgradePage is the form that changes the version of a bot's strategy.
type upgradePage struct {
	Bot     bot.Bot
	Version versionPart
	// Title is the strategy's name for people.
	Title   string
	Choices []versionChoice
	Chosen  Strategy
	// Changes are what is different about the parameters of the chosen version.
	Changes []paramChange
	Groups  []fieldGroup
	Faults  faults
	// Error concerns the form as a whole.
	Error string
	untriedPart
}

// versionChoice is a version to go to.
type versionChoice struct {
	Strategy
	Older, Chosen bool
}

// paramChange is what is different about a parameter.
type paramChange struct{ Label, Text string }

// Carries says whether the bot goes on with its state: one that runs does.
func (p upgradePage) Carries() bool { return p.Version.Active }

func (w *Web) upgradeForm(rq *request) error {
	if err := rq.who.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	b, c, err := w.configured(rq)
	if err != nil {
		return err
	}
	p := w.upgradePage(rq, b, c, rq.URL.Query().Get("version"))
	if p.Chosen.Schema != nil {
		texts := paramTexts(c.Parameters, p.Chosen.Schema)
		err := w.cfg.Bots.CheckUpgrade(rq.Context(), rq.who, b.ID, upgradeInput(p.Chosen, texts))
		bad, ok := faultsOf(err)
		if err != nil && !ok {
			return err
		}
		p.fill(texts, bad)
		if err := w.lacking(rq, p.Groups); err != nil {
			return err
		}
	}
	if rq.isFragment() {
		return w.part(rq, "bots/upgrade", "chosen", p)
	}
	return w.showUpgrade(rq, http.StatusOK, p)
}

func (w *Web) upgradeBot(rq *request) error {
	if err := rq.who.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	b, c, err := w.configured(rq)
	if err != nil {
		return err
	}
	p := w.upgradePage(rq, b, c, rq.PostFormValue("version"))
	if p.Chosen.Version != rq.PostFormValue("version") || p.Chosen.Schema == nil {
		p.Error = "That version is not offered any more. Choose another one."
		return w.showUpgrade(rq, http.StatusConflict, p)
	}
	texts := readForm(rq.PostForm, p.Chosen).Params
	in := upgradeInput(p.Chosen, texts)
	in.Untried = untriedOf(rq)
	p.Confirm, p.Waive = in.Confirm, in.Waive
	_, err = w.cfg.Bots.Upgrade(rq.Context(), rq.who, b.ID, in)
	bad, invalid := faultsOf(err)
	switch {
	case errs.CodeOf(errOrNone(err)) == "paper_run_missing":
		p.fill(texts, faults{"waive": sentence(messageOf(err))})
		return w.showUpgrade(rq, describe(err).Status, p)
	case err == nil && p.Carries():
		return rq.redirect("/bots/" + b.ID)
	case err == nil:
		return rq.redirect("/bots/" + b.ID + "?notice=pinned")
	case invalid, errs.KindOf(err) == errs.Conflict, errs.KindOf(err) == errs.LimitExceeded:
		if !invalid {
			p.Error = messageOf(err)
		}
		p.fill(texts, bad)
		if err := w.lacking(rq, p.Groups); err != nil {
			return err
		}
		return w.showUpgrade(rq, describe(err).Status, p)
	}
	return err
}

func upgradeInput(to Strategy, texts map[string]string) bot.UpgradeInput {
	return bot.UpgradeInput{StrategyVersion: to.Version, Parameters: to.Schema.FromTexts(texts)}
}

// upgradePage is the form with a version chosen, or the newest if that is not
// offered; without any, Chosen is zero.
func (w *Web) upgradePage(rq *request, b bot.Bot, c bot.Config, version string) upgradePage {
	has, ok, others := w.versions(c)
	p := upgradePage{untriedPart: untriedPart{Asks: b.Mode == bot.Live}, Bot: b, Version: w.versionOf(rq, b, c), Title: w.title(b.Strategy)}
	if len(others) == 0 {
		return p
	}
	p.Chosen = others[max(0, slices.IndexFunc(others, func(v Strategy) bool { return v.Version == version }))]
	for _, v := range others {
		p.Choices = append(p.Choices, versionChoice{Strategy: v, Older: ok && catalog.CompareVersions(v.Version, has.Version) < 0, Chosen: v.Version == p.Chosen.Version})
	}
	p.Changes = paramChanges(has.Schema, p.Chosen.Schema, c.Parameters)
	return p
}

// fill puts texts and faults into the form.
func (p *upgradePage) fill(texts map[string]string, bad faults) {
	p.Groups, p.Faults = fieldGroups(p.Chosen.Schema, texts, bad), bad
}

func (w *Web) showUpgrade(rq *request, status int, p upgradePage) error {
	return w.page(rq, status, "bots/upgrade", view{Title: "Change the version of " + p.Bot.Name, Nav: "bots", Mode: string(p.Bot.Mode), MarketNotice: w.cfg.MarketNotice, D: p})
}

// paramTexts are the parameters of a bot as texts of a schema, which may lack some.
func paramTexts(parameters json.RawMessage, s *param.Schema) map[string]string {
	f := botForm{Params: map[string]string{}}
	f.fill(parameters, Strategy{Schema: s})
	return f.Params
}

// paramChanges compares the parameters of two versions; before is nil if the version
// that the bot has cannot be used any more, and then its parameters tell.
func paramChanges(before, now *param.Schema, parameters json.RawMessage) []paramChange {
	known := map[string]param.Field{}
	if before != nil {
		for _, f := range before.Fields() {
			known[f.Name] = f
		}
	}
	var given map[string]json.RawMessage
	_ = json.Unmarshal(parameters, &given) // they are complete and valid: the bot has them
	for name := range given {
		if _, ok := known[name]; !ok {
			known[name] = param.Field{Name: name, Label: name}
		}
	}
	var list []paramChange
	for _, f := range now.Fields() {
		old, ok := known[f.Name]
		delete(known, f.Name)
		switch {
		case !ok:
			list = append(list, paramChange{f.Label, "is new; " + field{Field: f, Text: f.DefaultText()}.Shown() + " unless you say otherwise"})
		case old.Type == "":
		case old.Type != f.Type, valuesOf(old) != valuesOf(f):
			list = append(list, paramChange{f.Label, "takes other values: " + valuesOf(f) + ", before " + valuesOf(old)})
		case old.DefaultText() != f.DefaultText():
			list = append(list, paramChange{f.Label, "is " + field{Field: f, Text: f.DefaultText()}.Shown() + " for new bots, before " + field{Field: old, Text: old.DefaultText()}.Shown()})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		list = append(list, paramChange{known[name].Label, "is gone"})
	}
	return list
}

// valuesOf says which values a parameter takes.
func valuesOf(f param.Field) string {
	if len(f.Options) > 0 {
		text := ""
		for i, o := range f.Options {
			if i > 0 {
				text += ", "
			}
			text += o.Label
		}
		return text
	}
	if f.Type == param.Bool {
		return "yes or no"
	}
	return cmp.Or(bounds(f), "any "+string(f.Type))
}
