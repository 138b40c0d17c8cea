package billing

import "time"

// Status is where a subscription stands.
type Status string

// The statuses, with the names that payment providers use.
const (
	StatusIncomplete        Status = "incomplete"
	StatusIncompleteExpired Status = "incomplete_expired"
	StatusTrialing          Status = "trialing"
	StatusActive            Status = "active"
	StatusPastDue           Status = "past_due"
	StatusCanceled          Status = "canceled"
	StatusUnpaid            Status = "unpaid"
	StatusPaused            Status = "paused"
)

// Statuses lists every status.
func Statuses() []Status {
	return []Status{
		StatusIncomplete, StatusIncompleteExpired, StatusTrialing, StatusActive,
		StatusPastDue, StatusCanceled, StatusUnpaid, StatusPaused,
	}
}

// Access reports whether a subscription of the status may be used: trialing
// and active may, past_due may within its grace, and all others may not.
func (s Status) Access(inGrace bool) bool {
	switch s {
	case StatusTrialing, StatusActive:
		return true
	case StatusPastDue:
		return inGrace
	case StatusIncomplete, StatusIncompleteExpired, StatusCanceled, StatusUnpaid, StatusPaused:
		return false
	}
	return false
}

// Subscription is a tenant's one subscription.
type Subscription struct {
	// ID is a UUIDv7.
	ID string
	// TenantID is whose it is.
	TenantID string
	// Plan is the version of the plan that it is pinned to.
	Plan PlanRef
	// Status is where it stands.
	Status Status
	// StartedAt is when the tenant first subscribed; periods count from it.
	StartedAt time.Time
	// PeriodStart and PeriodEnd are the present period, the end not included.
	PeriodStart, PeriodEnd time.Time
	// GraceUntil is how long a past-due subscription may still be used.
	GraceUntil time.Time
	// Pending is the plan that it changes to when the period ends; the zero
	// value is no change.
	Pending PlanRef
	// PendingBy is who asked for the pending change.
	PendingBy string
	// Revision counts its changes.
	Revision int64
	// LastInvoice is the number of the newest invoice.
	LastInvoice int64
}

// Access reports whether the subscription may be used at the time.
func (s Subscription) Access(now time.Time) bool { return s.Status.Access(now.Before(s.GraceUntil)) }

// renews reports whether a new period follows when the present one ends.
func (s Subscription) renews() bool { return s.Status == StatusActive || s.Status == StatusPastDue }

// nextPeriod returns the end of the period that begins at s.PeriodEnd. Periods
// keep the day of the month on which the subscription started; where a month
// is too short it is the month's last day.
func (s Subscription) nextPeriod() time.Time {
	end := s.PeriodEnd
	months := (end.Year()-s.StartedAt.Year())*12 + int(end.Month()) - int(s.StartedAt.Month())
	return addMonths(s.StartedAt, months+1)
}

// addMonths adds calendar months; a day that the month does not have becomes
// its last.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// Standing is a subscription with all that follows from it.
type Standing struct {
	Subscription
	// Terms is the plan that it is pinned to.
	Terms Plan
	// PendingTerms is the plan that it changes to when the period ends, or nil.
	PendingTerms *Plan
	// Limits are the limits in force, overrides included, of every feature.
	Limits map[Feature]Limit
}
