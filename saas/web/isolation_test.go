package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/lunobot/lunobot/saas/catalog"
)

// saved is the form that changes a bot, with the version of its configuration.
func saved(isolation, version string) url.Values {
	form := botForm("Night owl")
	form.Del("pair")
	form.Del("strategy")
	form.Set("version", version)
	if isolation != "" {
		form.Set("isolation", isolation)
	}
	return form
}

// Who shares a bot's process is chosen on its form, as far as the plan includes it; what
// it does not is refused with the way out, and what was above it before stays as it is.
func TestIsolationIsChosenOnTheForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	const shared, own, alone = `name="isolation" value="shared"`, `name="isolation" value="tenant"`, `name="isolation" value="bot"`
	ada.get("/bots/new").want(t, "without it", http.StatusOK, shared+" checked", own+" disabled", alone+" disabled", "plan does not include", "Premium does.")
	form := botForm("Night owl")
	form.Set("isolation", "tenant")
	ada.post("/bots/new", form).want(t, "more than the plan has", http.StatusForbidden, `value="Night owl"`, own+" checked", `role="alert"`, "See the plans")
	form.Set("isolation", "planet")
	ada.post("/bots/new", form).want(t, "nonsense", http.StatusUnprocessableEntity, "ust be shared, tenant or bot")

	ada.upgrade("premium")
	ada.get("/bots/new").want(t, "with it", http.StatusOK, "!"+own+" disabled", alone+" disabled", "Enterprise does.")
	form.Set("isolation", "tenant")
	ada.do(http.MethodPost, "/bots/new/check", form, map[string]string{"HX-Request": "true"}).want(t, "the summary", http.StatusOK, "<dt>Process</dt><dd>Your bots only</dd>")
	id := ada.newBotOf(form)
	if c := w.configOf(t, ada, id); c.Isolation != catalog.PerTenant {
		t.Errorf("it has %q", c.Isolation)
	}
	ada.get("/bots/"+id).want(t, "its page", http.StatusOK, "<dt>Process</dt><dd>Your bots only</dd>")
	ada.get("/bots/"+id+"/edit").want(t, "its form", http.StatusOK, own+" checked")
	ada.post("/bots/"+id+"/edit", saved("bot", "1")).want(t, "more than the plan has", http.StatusForbidden, `role="alert"`, "See the plans", alone+" checked")
	ada.post("/bots/"+id+"/edit", saved("", "1")).want(t, "a form from before there was a choice", http.StatusSeeOther)
	if c := w.configOf(t, ada, id); c.Isolation != catalog.PerTenant || c.Version != 2 {
		t.Errorf("it has %q in version %d", c.Isolation, c.Version)
	}
	ada.post("/bots/"+id+"/edit", saved("shared", "2")).want(t, "less", http.StatusSeeOther)
	c := w.configOf(t, ada, id)
	if c.Isolation != catalog.Shared {
		t.Errorf("it has %q", c.Isolation)
	}

	c.Isolation = catalog.PerBot // of a plan that it had before
	if _, err := w.store.UpdateConfig(t.Context(), ada.who.TenantID, c); err != nil {
		t.Fatal(err)
	}
	ada.get("/bots/"+id+"/edit").want(t, "above the plan", http.StatusOK, alone+" checked aria", "“This bot only” is above your plan now and does not count until it is included again.")
	ada.post("/bots/"+id+"/edit", saved("bot", "4")).want(t, "something else changed", http.StatusSeeOther)
}
