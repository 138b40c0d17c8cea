package billing_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/errs"
)

func TestDefaultCatalog(t *testing.T) {
	t.Parallel()
	plans := billing.DefaultCatalog().Plans()
	again, err := billing.NewCatalog(plans...)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Plans(), plans) {
		t.Error("the default catalog is not what NewCatalog makes of it")
	}
	var rows []string
	for _, p := range plans {
		e := p.Entitlements
		rows = append(rows, fmt.Sprintf("%d %s %s bots=%s running=%s pairs=%s calls=%s %v %s %s ind=%t api=%t label=%t sla=%s",
			p.Number, p.Name, p.Price, p.Limit(billing.Bots), p.Limit(billing.RunningBots), p.Limit(billing.Pairs),
			p.Limit(billing.APICallsPerHour), e.Channels, e.Support, e.Backtests, e.CustomIndicators, e.APIAccess, e.WhiteLabel, e.SLA))
	}
	want := []string{
		"1 Free 0.00 USD bots=1 running=1 pairs=1 calls=100 [email] community none ind=false api=false label=false sla=",
		"2 Basic 29.99 USD bots=3 running=3 pairs=5 calls=1000 [email sms] email basic ind=false api=false label=false sla=",
		"3 Premium 99.99 USD bots=10 running=10 pairs=20 calls=10000 [email sms telegram discord slack webhook] priority advanced ind=true api=true label=false sla=",
		"4 Enterprise 299.99 USD bots=unlimited running=unlimited pairs=unlimited calls=unlimited [email sms telegram discord slack webhook] dedicated advanced ind=true api=true label=true sla=99.9",
	}
	if got := strings.Join(rows, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	c := billing.DefaultCatalog()
	for in, want := range map[string]string{
		"2": "basic", "basic": "basic", "Basic": "basic", " BASIC ": "basic", "4": "enterprise", "": "", "0": "", "5": "", "02": "", "gold": "",
	} {
		if p, ok := c.Find(in); p.ID != want || ok != (want != "") {
			t.Errorf("Find(%q) = %q, %t, want %q", in, p.ID, ok, want)
		}
	}
}

func TestCatalogIsNotShared(t *testing.T) {
	t.Parallel()
	c := billing.DefaultCatalog()
	p := c.Lowest()
	p.Limits[billing.Bots] = 99
	p.Entitlements.Channels[0] = billing.SMS
	if again := c.Lowest(); again.Limits[billing.Bots] != 1 || again.Entitlements.Channels[0] != billing.Email {
		t.Error("a caller changed the catalog")
	}
}

func TestPlanRoundTripsAsJSON(t *testing.T) {
	t.Parallel()
	for _, p := range billing.DefaultCatalog().Plans() {
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back billing.Plan
		if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, p) {
			t.Errorf("%s became %+v, %v", raw, back, err)
		}
	}
}

const goodYAML = `
plans:
  - id: solo
    number: 1
    name: Solo
    version: 3
    price: 500 JPY
    interval: month
    limits: {bots: 2, running_bots: 1, pairs: unlimited, api_calls_per_hour: 10}
    entitlements:
      channels: [email, slack]
      support: email
      backtests: basic
      custom_indicators: true
      sla: "99.5"
    description: For one.
    bullets: [Two bots]
`

func TestReadCatalog(t *testing.T) {
	t.Parallel()
	c, err := billing.ReadCatalog(strings.NewReader(goodYAML))
	if err != nil {
		t.Fatal(err)
	}
	want := billing.Plan{
		ID: "solo", Number: 1, Name: "Solo", Version: 3, Price: billing.Money{Minor: 500, Currency: "JPY"}, Interval: billing.Month,
		Limits: map[billing.Feature]billing.Limit{
			billing.Bots: 2, billing.RunningBots: 1, billing.Pairs: billing.Unlimited, billing.APICallsPerHour: 10,
		},
		Entitlements: billing.Entitlements{
			Channels: []billing.Channel{billing.Email, billing.Slack}, Support: billing.SupportEmail,
			Backtests: billing.BacktestsBasic, CustomIndicators: true, SLA: "99.5",
		},
		Description: "For one.", Bullets: []string{"Two bots"},
	}
	if got := c.Plans(); !reflect.DeepEqual(got, []billing.Plan{want}) {
		t.Errorf("got %+v", got)
	}
}

func TestReadCatalogNamesEveryFault(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		from, to string // what is replaced in the good file
		kind     errs.Kind
		want     []string
	}{
		"unknown key":            {"    name: Solo", "    name: Solo\n    colour: red", errs.Invalid, []string{`line 6 has the unknown key "colour"`}},
		"key twice":              {"    name: Solo", "    name: Solo\n    name: Duo", errs.Invalid, []string{`line 6 has the key "name" twice`}},
		"unknown nested key":     {"support: email", "support: email\n      vip: true", errs.Invalid, []string{`line 13 has the unknown key "vip"`}},
		"text for a number":      {"number: 1", "number: one", errs.Invalid, []string{`line 4 holds "one" where a whole number belongs`}},
		"text for a block":       {"{bots: 2, running_bots: 1, pairs: unlimited, api_calls_per_hour: 10}", "many", errs.Invalid, []string{`line 9 holds "many" where a block of keys belongs`}},
		"number for a switch":    {"custom_indicators: true", "custom_indicators: 1", errs.Invalid, []string{`holds "1" where true or false belongs`}},
		"bad limit":              {"bots: 2,", "bots: -2,", errs.Invalid, []string{`line 9 a limit must be a whole number from 0 or the word unlimited, not "-2"`}},
		"decimals of yen":        {"500 JPY", "5.5 JPY", errs.Invalid, []string{"line 7 price must be"}},
		"two faults of type":     {"bots: 2, running_bots: 1", "bots: x, running_bots: y", errs.Invalid, []string{`not "x"`, `not "y"`}},
		"unknown feature":        {"bots: 2,", "bots: 2, cars: 1,", errs.Invalid, []string{"plans/0/limits/cars (line 9) is not a feature"}},
		"missing limit":          {"bots: 2, ", "", errs.Invalid, []string{"plans/0/limits (line 9) must say a limit of bots"}},
		"unknown channel":        {"slack]", "pigeon]", errs.Invalid, []string{`plans/0/entitlements/channels/1 (line 11) must be one of email, sms`, `not "pigeon"`}},
		"no such currency":       {"500 JPY", "5 XYZ", errs.Invalid, []string{"plans/0/price (line 7) must have a currency of ISO 4217"}},
		"two faults of meaning":  {"interval: month", "interval: week", errs.Invalid, []string{"plans/0/interval (line 8) must be month"}},
		"bad availability":       {`"99.5"`, "often", errs.Invalid, []string{"plans/0/entitlements/sla (line 15) must be a percentage"}},
		"no such isolation":      {"support: email", "support: email\n      isolation: planet", errs.Invalid, []string{`entitlements/isolation (line 13) must be one of shared, tenant, bot, not "planet"`}},
		"no such bound":          {"support: email", "support: email\n      max_isolation: moon", errs.Invalid, []string{`entitlements/max_isolation (line 13) must be one of shared, tenant, bot, not "moon"`}},
		"a bound below":          {"support: email", "support: email\n      isolation: bot\n      max_isolation: tenant", errs.Invalid, []string{"entitlements/max_isolation (line 14) must not be less than the isolation bot"}},
		"capitals in the id":     {"id: solo", "id: Solo", errs.Invalid, []string{"plans/0/id (line 3) must be 1 to 32"}},
		"not YAML":               {"plans:", "plans: [", errs.Malformed, []string{"cannot be read: line"}},
		"a list where a map is":  {"plans:", "- plans:", errs.Invalid, []string{"line 2 must be a block of keys"}},
		"the same plan twice":    {"    bullets: [Two bots]", "    bullets: [Two bots]\n" + strings.TrimPrefix(goodYAML, "\nplans:\n"), errs.Invalid, []string{"plans/1/id (line 18) is also that of plan 1", "plans/1/number", "plans/1/name"}},
		"a second currency":      {"    bullets: [Two bots]", strings.ReplaceAll("    bullets: [Two bots]\n"+strings.TrimPrefix(goodYAML, "\nplans:\n"), "500 JPY", "5 USD"), errs.Invalid, []string{"same currency"}},
		"nothing but other keys": {"plans:", "flans:", errs.Invalid, []string{`line 2 has the unknown key "flans"`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(goodYAML, c.from) {
				t.Fatalf("the good file does not hold %q", c.from)
			}
			_, err := billing.ReadCatalog(strings.NewReader(strings.Replace(goodYAML, c.from, c.to, 1)))
			if err == nil {
				t.Fatal("it was read")
			}
			if errs.KindOf(err) != c.kind {
				t.Errorf("kind = %v", errs.KindOf(err))
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "billing.") {
				t.Errorf("%q names a Go type", err)
			}
		})
	}
	if _, err := billing.ReadCatalog(strings.NewReader("")); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "at least one plan") {
		t.Errorf("an empty file: %v", err)
	}
}

// What all bots of a plan have, its tenants may ask for too.
func TestIsolable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ least, most, want billing.Isolation }{
		{"", "", billing.IsolationShared},
		{billing.IsolationTenant, "", billing.IsolationTenant},
		{"", billing.IsolationBot, billing.IsolationBot},
		{billing.IsolationTenant, billing.IsolationBot, billing.IsolationBot},
		{billing.IsolationBot, billing.IsolationShared, billing.IsolationBot},
	} {
		if got := (billing.Entitlements{Isolation: c.least, MaxIsolation: c.most}).Isolable(); got != c.want {
			t.Errorf("at least %q, at most %q: %q, want %q", c.least, c.most, got, c.want)
		}
	}
}

func TestEntitlements(t *testing.T) {
	t.Parallel()
	needs := []billing.Entitlement{
		billing.NeedAPIAccess, billing.NeedBasicBacktests, billing.NeedAdvancedBacktests, billing.NeedCustomIndicators,
		billing.NeedWhiteLabel, billing.NeedChannel(billing.Email), billing.NeedChannel(billing.Slack), "unheard_of",
		billing.NeedTenantIsolation, billing.NeedBotIsolation,
	}
	want := map[string]string{
		"free": "0000010000", "basic": "0100010000", "premium": "1111011010", "enterprise": "1111111011",
	}
	for _, p := range billing.DefaultCatalog().Plans() {
		got := ""
		for _, n := range needs {
			if p.Entitlements.Has(n) {
				got += "1"
			} else {
				got += "0"
			}
			if n.Words() == "" {
				t.Errorf("%s has no words", n)
			}
		}
		if got != want[p.ID] {
			t.Errorf("%s has %s, want %s", p.ID, got, want[p.ID])
		}
	}
}
