package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/tenancy"
)

// webhook is a bot's webhook as the API shows it.
type webhook struct {
	ID        string       `json:"id" doc:"The last part of the address." example:"mzxw6ytboi4dcmzxw6ytboi4dc"`
	BotID     string       `json:"bot_id" doc:"The bot that hears what is sent there." example:"0197e1a2-6f00-7a00-8000-000000000001"`
	Path      string       `json:"path" doc:"Where messages are posted to, on this server." example:"/hooks/v1/mzxw6ytboi4dcmzxw6ytboi4dc"`
	CreatedAt time.Time    `json:"created_at" doc:"When it was made." example:"2026-01-02T15:04:05Z"`
	Secrets   []hookSecret `json:"secrets" doc:"The secrets that are valid, newest first."`
	// Token and SigningKey are in the answer that makes a secret, and in no other.
	Token      string `json:"token,omitempty" doc:"The new secret, only in the answer that makes it. It is kept nowhere." example:"lunobot_hook_0123456789abcdef_…"`
	SigningKey string `json:"signing_key,omitempty" doc:"The new secret's key of signatures after Standard Webhooks, only in the same answer." example:"whsec_…"`
}

// hookSecret is what may be seen of a secret.
type hookSecret struct {
	ID        string     `json:"id" doc:"The part of the secret by which it is known." example:"0123456789abcdef"`
	CreatedAt time.Time  `json:"created_at" doc:"When it was made." example:"2026-01-02T15:04:05Z"`
	ExpiresAt *time.Time `json:"expires_at" doc:"When it ends; null for the one in use."`
}

func (a *API) webhookView(h hook.Hook, secret hook.Secret) webhook {
	v := webhook{
		ID: h.ID, BotID: h.BotID, Path: h.Path(), CreatedAt: h.CreatedAt.UTC(), Secrets: []hookSecret{},
		Token: secret.Token.Reveal(), SigningKey: secret.Signing.Reveal(),
	}
	for _, k := range h.Keys {
		if k.Valid(a.cfg.Now()) {
			v.Secrets = append(v.Secrets, hookSecret{ID: k.ID, CreatedAt: k.CreatedAt.UTC(), ExpiresAt: moment(k.ExpiresAt)})
		}
	}
	return v
}

// signal is a message to a bot as the API shows it.
type signal struct {
	ID         string     `json:"id" doc:"The sender's id of the message." example:"2026-01-02T15:04:00Z"`
	Text       string     `json:"text" doc:"The message, without its secret." example:"{\"action\":\"buy\"}"`
	ReceivedAt time.Time  `json:"received_at" doc:"When it came." example:"2026-01-02T15:04:05Z"`
	Status     string     `json:"status" enum:"waiting,followed,refused,missed" doc:"What became of it: it is heard with the next candle, the bot did something, it did nothing, or it stopped before." example:"followed"`
	Answer     string     `json:"answer" doc:"What the bot said to it; empty while it waits."`
	HeardAt    *time.Time `json:"heard_at" doc:"When the bot heard it, in market time; null before."`
}

func signalView(s hook.Signal) signal {
	return signal{
		ID: s.Key, Text: s.Text, ReceivedAt: s.ReceivedAt.UTC(), Status: string(s.Status), Answer: s.Answer, HeardAt: moment(s.HeardAt),
	}
}

// hookReceipt is the answer to a message.
type hookReceipt struct {
	ID         string    `json:"id" doc:"The message's id." example:"2026-01-02T15:04:00Z"`
	ReceivedAt time.Time `json:"received_at" doc:"When it was taken; a repeat gets the time of the first." example:"2026-01-02T15:04:05Z"`
}

// hookMessage is what comes in at a webhook.
type hookMessage struct {
	ID            string `path:"hook_id" doc:"The webhook's id."`
	Authorization string `header:"Authorization" doc:"The webhook's secret as Bearer …"`
	MessageID     string `header:"Webhook-Id" doc:"The message's id, unless the body has one."`
	Timestamp     string `header:"Webhook-Timestamp" doc:"For a signature: seconds since the epoch, at most 5 minutes off."`
	Signature     string `header:"Webhook-Signature" doc:"For a signature: v1, and the base64 of HMAC-SHA256 over id.timestamp.body with the signing key; several stand apart by spaces."`
	RawBody       []byte `contentType:"application/json"`
}

// rotation says how a secret is rotated.
type rotation struct {
	BotPath
	Overlap int `query:"overlap_hours" default:"24" validate:"min=0,max=168" doc:"For how many hours the secrets of before stay valid; 0 ends them at once."`
}

func (a *API) hookRoutes() {
	const one = "/api/v1/trading/bots/{bot_id}/webhook"
	handle(a, operation{
		method: http.MethodPost, path: one, id: "create-webhook", tag: tagHooks, status: http.StatusCreated, fails: []errs.Kind{errs.Conflict},
		summary: "Make a bot's webhook",
		description: "Gives a bot whose strategy takes signals an address for messages and a secret, which this answer shows and no other: as a token, " +
			"and as the key of signatures.",
	}, a.createHook)
	handle(a, operation{
		method: http.MethodGet, path: one, id: "get-webhook", tag: tagHooks,
		summary: "Get a bot's webhook", description: "Shows the address and which secrets are valid, without the secrets.",
	}, a.getHook)
	handle(a, operation{
		method: http.MethodPost, path: one + "/rotate", id: "rotate-webhook", tag: tagHooks,
		summary: "Rotate a webhook's secret", description: "Makes a new secret, which this answer shows and no other. Those of before stay valid for a while.",
	}, a.rotateHook)
	handle(a, operation{
		method: http.MethodDelete, path: one, id: "revoke-webhook", tag: tagHooks,
		summary: "Revoke a bot's webhook", description: "Makes the address and all its secrets void at once. A new webhook has another address.",
	}, a.revokeHook)
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/trading/bots/{bot_id}/signals", id: "list-signals", tag: tagHooks,
		summary: "List a bot's signals", description: "Lists the messages that came in for a bot in the last 30 days, newest first, with what became of them.",
	}, a.listSignals)
	handle(a, operation{
		method: http.MethodPost, path: hook.Prefix + "{hook_id}", id: "send-signal", tag: tagHooks, status: http.StatusAccepted, public: true,
		takes: []string{"application/json", "text/plain"}, maxBody: hook.MaxBody,
		fails:   []errs.Kind{errs.Unauthenticated, errs.Conflict, errs.RateLimited},
		summary: "Send a message to a bot",
		description: "Takes a message, which the bot hears with its next candle; what it means is the strategy's. The sender proves itself with the webhook's secret " +
			"as a bearer token, as `token` in the JSON body, or with a signature after Standard Webhooks. The message needs an id, as the header webhook-id " +
			"or as `id` in the JSON body: the same one again gets the same answer and is not taken twice. It is stored before it is answered. " +
			"A bot that does not run takes none. A webhook takes 20 messages at once and 30 a minute; a repeat is not counted. Before that, whatever they " +
			"are, 60 requests at once and 120 a minute are let through to one webhook from one network, and 600 at once and 3,000 a minute from one network " +
			"to all; the headers RateLimit-Policy and RateLimit say how many are left.",
	}, a.sendSignal)
}

func (a *API) hookAnswered(h hook.Hook, secret hook.Secret, err error) (*answer[webhook], error) {
	if err != nil {
		return nil, err
	}
	return &answer[webhook]{Body: a.webhookView(h, secret)}, nil
}

func (a *API) createHook(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[webhook], error) {
	h, secret, err := a.cfg.Hooks.Create(ctx, who, in.ID)
	return a.hookAnswered(h, secret, err)
}

func (a *API) getHook(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[webhook], error) {
	h, err := a.cfg.Hooks.Hook(ctx, who, in.ID)
	return a.hookAnswered(h, hook.Secret{}, err)
}

func (a *API) rotateHook(ctx context.Context, who tenancy.Principal, in *rotation) (*answer[webhook], error) {
	h, secret, err := a.cfg.Hooks.Rotate(ctx, who, in.ID, time.Duration(in.Overlap)*time.Hour)
	return a.hookAnswered(h, secret, err)
}

func (a *API) revokeHook(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*nothing, error) {
	return nil, a.cfg.Hooks.Revoke(ctx, who, in.ID)
}

func (a *API) listSignals(ctx context.Context, who tenancy.Principal, in *historyQuery) (*answer[listOf[signal]], error) {
	of := list{"signals/" + in.ID, who.TenantID}
	p, err := a.cursors.page(in.ListQuery, of)
	if err != nil {
		return nil, err
	}
	l, err := a.cfg.Hooks.Signals(ctx, who, in.ID, p)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, of, l, signalView), nil
}

func (a *API) sendSignal(ctx context.Context, _ tenancy.Principal, in *hookMessage) (*answer[hookReceipt], error) {
	scheme, token, _ := strings.Cut(in.Authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	r, err := a.cfg.Hooks.Receive(ctx, in.ID, hook.Delivery{
		Body: in.RawBody, Bearer: strings.TrimSpace(token), ID: in.MessageID, Timestamp: in.Timestamp, Signature: in.Signature,
	})
	if err != nil {
		return nil, err
	}
	return &answer[hookReceipt]{Body: hookReceipt{ID: r.ID, ReceivedAt: r.ReceivedAt.UTC()}}, nil
}
