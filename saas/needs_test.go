package saas_test

import (
	"net/http"
	"testing"

	"github.com/lunobot/lunobot/saas/saastest"
)

// proves E6, E9 through the API of a whole server, with the bundled strategy of rules: a
// plan without own indicators refuses them by every door, with one code.
func TestRulesWithOwnIndicatorsAreThePlans(t *testing.T) {
	t.Parallel()
	s := saastest.New(t, saastest.Config{Binary: buildServer(t), Env: []string{"LUNOBOT_DATA_DIR=" + t.TempDir()}})
	s.Start()
	c := s.Register("ada@example.com")
	type object map[string]any
	const configs, backtests = "/api/v1/trading/configs", "/api/v1/backtests"
	plan := func(number int) {
		t.Helper()
		c.Call(http.MethodPost, "/api/v1/subscriptions/upgrade", object{"plan_id": number}, nil, http.StatusOK)
	}
	plan(2)
	own, plain := object{"define": "trend = ema(5) - ema(20)", "entry": "trend > 0", "exit": "trend < 0"}, object{"entry": "ema(5) > ema(20)", "exit": "ema(5) < ema(20)"}
	with := func(parameters object, more object) object {
		body := object{"trading_pair": "XBTMYR", "strategy_type": "rules", "parameters": parameters}
		for key, value := range more {
			body[key] = value
		}
		return body
	}
	named := object{"name": "Night owl"}
	refused := func(method, path string, body object) {
		t.Helper()
		var p struct {
			Code, Entitlement, Upgrade, Detail string
		}
		c.Call(method, path, body, &p, http.StatusForbidden)
		if p.Code != "not_in_plan" || p.Entitlement != "custom_indicators" || p.Upgrade != "premium" || p.Detail == "" {
			t.Errorf("%s %s: %+v", method, path, p)
		}
	}
	refused(http.MethodPost, configs, with(own, named))
	refused(http.MethodPost, backtests, with(own, nil))
	var made struct {
		ID    string `json:"id"`
		BotID string `json:"bot_id"`
	}
	c.Call(http.MethodPost, configs, with(plain, named), &made, http.StatusCreated)
	for _, method := range []string{http.MethodPatch, http.MethodPut} {
		refused(method, configs+"/"+made.ID, object{"parameters": own})
	}

	plan(3)
	c.Call(http.MethodPatch, configs+"/"+made.ID, object{"parameters": own}, nil, http.StatusOK)
	c.Call(http.MethodPost, backtests, with(own, nil), nil, http.StatusCreated)
	c.Call(http.MethodPost, "/api/v1/trading/bots/"+made.BotID+"/start", nil, nil, http.StatusOK)
}
