package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/tenancy"
)

// hookPart is what a bot's page tells of its webhook.
type hookPart struct {
	BotID string
	// Shown says that the bot's strategy takes signals, or that there is a webhook
	// from when it did.
	Shown    bool
	MayTrade bool
	// Made says that there is a webhook; Address and Keys are its.
	Made    bool
	Address string
	Keys    []hookKey
	// Used says that something has come in.
	Used bool
	// Token and Signing are the two forms of a secret that was made just now; they
	// are shown this once.
	Token, Signing string
	// Error is why nothing was changed.
	Error string
}

// hookKey is what may be seen of a secret that is valid.
type hookKey struct {
	ID    string
	Since moment
	// Ends is when an old one ends; zero for the one in use.
	Ends moment
}

// Placeholder stands in the examples where the secret belongs.
func (hookPart) Placeholder() string { return "YOUR-SECRET" }

// secret is what the examples hold: the new one while it can be seen.
func (p hookPart) secret() string {
	if p.Token != "" {
		return p.Token
	}
	return p.Placeholder()
}

// Curl is a command that sends a message.
func (p hookPart) Curl() string {
	return fmt.Sprintf(`curl --fail-with-body '%s' \
  -H 'Authorization: Bearer %s' \
  -H 'Content-Type: application/json' \
  -H "Webhook-Id: $(date +%%s)" \
  -d '{"action": "buy", "size": 10}'`, p.Address, p.secret())
}

// Alert is the message of a TradingView alert on an indicator, and Order that of
// one on a strategy's orders. What stands in double braces TradingView fills in.
func (p hookPart) Alert() string {
	return fmt.Sprintf(`{
  "token": "%s",
  "id": "buy {{ticker}} {{timenow}}",
  "action": "buy",
  "size": 10
}`, p.secret())
}

// Order is described at Alert.
func (p hookPart) Order() string {
	return fmt.Sprintf(`{
  "token": "%s",
  "id": "{{strategy.order.id}} {{timenow}}",
  "action": "{{strategy.order.action}}",
  "note": "{{strategy.order.comment}}"
}`, p.secret())
}

// hookOf reads what there is of a bot's webhook.
func (w *Web) hookOf(rq *request, b bot.Bot, secret hook.Secret) (hookPart, error) {
	p := hookPart{
		BotID: b.ID, Shown: w.cfg.Hooks.Takes(rq.Context(), b), MayTrade: rq.who.Can(tenancy.BotsTrade),
		Token: secret.Token.Reveal(), Signing: secret.Signing.Reveal(),
	}
	h, err := w.cfg.Hooks.Hook(rq.Context(), rq.who, b.ID)
	if errs.CodeOf(err) == "webhook_not_found" {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	p.Shown, p.Made, p.Address = true, true, w.origin(rq)+h.Path()
	for _, k := range h.Keys {
		if k.Valid(w.cfg.Now()) {
			p.Keys = append(p.Keys, hookKey{ID: k.ID, Since: moment{k.CreatedAt}, Ends: moment{k.ExpiresAt}})
		}
	}
	return p, nil
}

// origin is the address under which the browser sees this server.
func (w *Web) origin(rq *request) string {
	switch {
	case w.cfg.BaseURL != "":
		return strings.TrimSuffix(w.cfg.BaseURL, "/")
	case rq.TLS != nil:
		return "https://" + rq.Host
	}
	return "http://" + rq.Host
}

func (w *Web) createHook(rq *request) error {
	return w.changeHook(rq, func(ctx context.Context, p tenancy.Principal, id string) (hook.Secret, error) {
		_, secret, err := w.cfg.Hooks.Create(ctx, p, id)
		return secret, err
	})
}

// rotateHook makes a new secret; those of before stay valid for as many hours as
// the form says.
func (w *Web) rotateHook(rq *request) error {
	hours, err := strconv.ParseInt(rq.PostFormValue("overlap_hours"), 10, 16)
	if err != nil {
		return errs.New(errs.Malformed, "overlap_malformed", "the overlap must be a number of hours, 0 to %d", hook.MaxOverlap/time.Hour)
	}
	return w.changeHook(rq, func(ctx context.Context, p tenancy.Principal, id string) (hook.Secret, error) {
		_, secret, err := w.cfg.Hooks.Rotate(ctx, p, id, time.Duration(hours)*time.Hour)
		return secret, err
	})
}

func (w *Web) revokeHook(rq *request) error {
	return w.changeHook(rq, func(ctx context.Context, p tenancy.Principal, id string) (hook.Secret, error) {
		return hook.Secret{}, w.cfg.Hooks.Revoke(ctx, p, id)
	})
}

// changeHook changes a bot's webhook and shows what there is of it then, with the
// new secret. A refusal, as when somebody else was faster, is shown there too.
func (w *Web) changeHook(rq *request, do func(ctx context.Context, p tenancy.Principal, botID string) (hook.Secret, error)) error {
	id := rq.PathValue("id")
	secret, err := do(rq.Context(), rq.who, id)
	if err != nil && errs.KindOf(err) != errs.Conflict && errs.CodeOf(err) != "webhook_not_found" {
		return err
	}
	switch {
	case rq.isFragment():
		b, failed := w.cfg.Bots.Bot(rq.Context(), rq.who, id)
		if failed != nil {
			return failed
		}
		p, failed := w.hookOf(rq, b, secret)
		if failed != nil {
			return failed
		}
		p.Error = messageOf(err)
		return w.part(rq, "bots/bot", "webhook", p)
	case err != nil:
		return w.showBot(rq, describe(err).Status, outcome{refusal: err})
	case secret == hook.Secret{}:
		return rq.redirect("/bots/" + id)
	}
	return w.showBot(rq, http.StatusOK, outcome{secret: secret})
}
