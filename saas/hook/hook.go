package hook

import (
	"time"

	"github.com/lunobot/lunobot/tenancy/vault"
)

// Prefix begins the path of every webhook; the hook's id follows.
const Prefix = "/hooks/v1/"

// Hook is the webhook of a bot.
type Hook struct {
	// ID is the last part of the address, and unique everywhere.
	ID        string
	TenantID  string
	BotID     string
	CreatedAt time.Time
	// Keys are the secrets that are valid, or were not long ago, newest first.
	Keys []Key
	// Due is until when the hook's rate of messages is used up, in microseconds
	// since the epoch.
	Due int64
}

// Path is where messages are posted to, on the server's own address.
func (h Hook) Path() string { return Prefix + h.ID }

// Key is what is kept of a secret.
type Key struct {
	// ID is the part of the secret by which it is found, and may be seen.
	ID string
	// Hash is the secret's HMAC under the pepper.
	Hash      []byte
	CreatedAt time.Time
	// ExpiresAt is when it ends; zero for the one in use.
	ExpiresAt time.Time
}

// Valid reports whether the key proves anything at a time.
func (k Key) Valid(now time.Time) bool { return k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt) }

// Secret is a new secret in its two forms. It is shown once and kept nowhere.
type Secret struct {
	// Token is sent as it is, in a header or in the body.
	Token vault.Secret
	// Signing is the key of signatures, "whsec_…".
	Signing vault.Secret
}

// Status is where a signal stands.
type Status string

// The states of a signal.
const (
	// Waiting signals are heard with the bot's next candle.
	Waiting Status = "waiting"
	// Followed signals made the bot do something.
	Followed Status = "followed"
	// Refused signals were heard, and the answer says why nothing was done.
	Refused Status = "refused"
	// Missed signals were never heard: the bot stopped before.
	Missed Status = "missed"
)

// Signal is a message to a bot.
type Signal struct {
	// ID orders the signals of a bot by their arrival.
	ID       string
	TenantID string
	BotID    string
	// Key is the sender's id of it.
	Key string
	// Run is the bot's run that it is for.
	Run int64
	// Text is the message without its secret, and Sum that of the body as it came.
	Text string
	Sum  []byte
	// ReceivedAt is when it came; MarketTime is the same by the market's clock.
	ReceivedAt, MarketTime time.Time
	Status                 Status
	// Answer is what the bot said to it, HeardAt the market time at which; empty
	// and zero before.
	Answer  string
	HeardAt time.Time
}

// Listener is the run of a bot that may have signals waiting.
type Listener struct {
	TenantID, BotID string
	Run             int64
}

// Receipt is the answer to a message; a repeat gets the same.
type Receipt struct {
	// ID is the sender's id of the message.
	ID         string
	ReceivedAt time.Time
}

// Types of events; the subject is the bot's id.
const (
	EventCreated = "webhook.created"
	EventRotated = "webhook.rotated"
	EventRevoked = "webhook.revoked"
)
