package web

import (
	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/catalog"
)

// isolationChoice is whose bots share a process with a bot.
type isolationChoice struct {
	Value catalog.Isolation
	Text  string
	// Included is true if the plan includes it, Chosen if it is the form's.
	Included, Chosen bool
	need             billing.Entitlement
}

// isolationChoices are all of them, from the least.
func isolationChoices() []isolationChoice {
	return []isolationChoice{
		{Value: catalog.Shared, Text: "Shared", Included: true},
		{Value: catalog.PerTenant, Text: "Your bots only", need: billing.NeedTenantIsolation},
		{Value: catalog.PerBot, Text: "This bot only", need: billing.NeedBotIsolation},
	}
}

// isolationText is an isolation in words.
func isolationText(i catalog.Isolation) string {
	for _, c := range isolationChoices() {
		if c.Value == i {
			return c.Text
		}
	}
	return string(i)
}

// isolations lists the choices of a form with what the plan includes; the refusal says
// which plan includes what this one does not.
func (w *Web) isolations(rq *request, chosen catalog.Isolation) (list []isolationChoice, refusal string, err error) {
	list = isolationChoices()
	for i := range list {
		c := &list[i]
		c.Chosen = c.Value == chosen.Stricter(catalog.Shared)
		if c.need == "" {
			continue
		}
		ok, _, why, err := w.included(rq, c.need)
		if err != nil {
			return nil, "", err
		}
		if c.Included = ok; !ok && refusal == "" {
			refusal = why
		}
	}
	return list, refusal, nil
}
