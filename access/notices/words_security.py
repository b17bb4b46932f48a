"""Of break-glass, rules, incidents, drift, and of notices themselves."""

from access.models import Family
from access.notices.wording import Words

WORDS: dict[str, Words] = {
    # Break-glass
    "break_glass.opened": Words(
        Family.SECURITY,
        "Break-glass: {requester} opens {machines}",
        "{requester} opens {machines} by break-glass, without an approval. Somebody else must "
        "review it{deadline_review}.",
        tone="red",
    ),
    "review.due": Words(
        Family.SECURITY,
        "A break-glass waits for its review: {machines}",
        "{requester} opened {machines} by break-glass. Say whether it was justified"
        "{deadline_review}.",
        "Review it",
        page="review",
        tone="amber",
    ),
    "review.overdue": Words(
        Family.SECURITY,
        "Review overdue: break-glass on {machines}",
        "{requester} opened {machines} by break-glass, and nobody has reviewed it in time.",
        "Review it",
        page="review",
        tone="red",
    ),
    "review.done": Words(
        Family.SECURITY,
        "Break-glass reviewed: {machines}",
        "The break-glass of {requester} on {machines} was reviewed{by_whom}. {why}",
        "Read it",
        tone="grey",
    ),
    "review.unjustified": Words(
        Family.SECURITY,
        "Break-glass not justified: {machines}",
        "{by} reviewed the break-glass of {requester} on {machines}. {why}",
        "Read it",
        tone="red",
    ),
    # Rules
    "deputy.named": Words(
        Family.RULES,
        "{deputy} decides in the place of {approver}",
        "{deputy} decides in the place of {approver}{period}.",
        "See your settings",
        page="settings",
    ),
    "deputy.ended": Words(
        Family.RULES,
        "{deputy} no longer decides in the place of {approver}",
        "The time in which {deputy} decided in the place of {approver} is over.",
        "See your settings",
        page="settings",
        tone="grey",
    ),
    "policy.proposed": Words(
        Family.RULES,
        "A change of the policy waits for you: version {number}",
        "{by} proposes version {number} of the policy. Another administrator decides whether it "
        "comes into force.",
        "Review the change",
        page="policies",
        tone="amber",
    ),
    "policy.in_force": Words(
        Family.RULES,
        "In force: version {number} of the policy",
        "Version {number} of the policy is in force{by_whom}. Requests sent from now on are "
        "judged by it.",
        "Read the policy",
        page="policies",
    ),
    "policy.rejected": Words(
        Family.RULES,
        "Rejected: version {number} of the policy",
        "Version {number} of the policy was rejected{by_whom}. The one in force stays.",
        "Read why",
        page="policies",
        tone="grey",
    ),
    # Incidents
    "lockdown.ordered": Words(
        Family.SECURITY,
        "Lockdown ordered: {scope}",
        "{by} ordered that everything be closed ({scope}). Nothing new is opened there from now "
        "on. Another administrator must confirm that what is open is ended.",
        "Confirm or lift it",
        page="lockdown",
        tone="red",
    ),
    "lockdown.confirmed": Words(
        Family.SECURITY,
        "Lockdown in force: {scope}",
        "{by} confirmed the lockdown ({scope}). All that is open there is being ended now.",
        "See what is open",
        page="lockdown",
        tone="red",
    ),
    "lockdown.lifted": Words(
        Family.SECURITY,
        "Lockdown lifted: {scope}",
        "The lockdown ({scope}) was lifted{by_whom}. What is approved opens again; what was ended "
        "stays closed.",
        "Open it",
        page="lockdown",
        tone="green",
    ),
    "lockdown.lapsed": Words(
        Family.SECURITY,
        "Lockdown over, never confirmed: {scope}",
        "Nobody confirmed the lockdown ({scope}) in time. What is approved opens again.",
        "Open it",
        page="lockdown",
        tone="amber",
    ),
    "closing.silent": Words(
        Family.SECURITY,
        "Closing is not looked after",
        "The part that closes access has not been seen for a minute{unseen_since}. Nothing new is "
        "opened until it is back, and what is open may stay open past its end.",
        "See how the system is",
        page="system",
        tone="red",
    ),
    "closing.back": Words(
        Family.SECURITY,
        "Closing is looked after again",
        "The part that closes access is back. What is approved opens again, and what is overdue is "
        "being closed.",
        "See how the system is",
        page="system",
        tone="green",
    ),
    "ledger.went_back": Words(
        Family.SECURITY,
        "The database went back in time",
        "The database knows less than was written down outside it, as after a restore: of the "
        "ledger {lost} are gone. Nothing is opened until an administrator has reconciled it.",
        "See what is known",
        page="system",
        tone="red",
    ),
    "ledger.reconciled": Words(
        Family.SECURITY,
        "Reconciled: the database that went back in time",
        "{by} reconciled the database with what is open in Azure. What is approved opens again.",
        "See how the system is",
        page="system",
        tone="green",
    ),
    "anchor.refused": Words(
        Family.SECURITY,
        "What is remembered outside the database is not good",
        "{why} What the portal keeps outside its database may have been tampered with, or cannot "
        "be reached. It matters when the database is away.",
        "See how the system is",
        page="system",
        tone="red",
    ),
    "drift.found": Words(
        Family.SECURITY,
        "Open without an approval: {machines}",
        "Something is open in Azure on {machines} that nobody approved here.",
        "See what it is",
        page="drift",
        tone="red",
    ),
    "endpoint.added": Words(
        Family.SECURITY,
        "A channel is told from now on: {name}",
        "{by} added the endpoint {name} ({kind}). It is told what was chosen for it.",
        "See the endpoints",
        page="notices",
    ),
    "endpoint.changed": Words(
        Family.SECURITY,
        "Changed: the endpoint {name}",
        "{by} changed the endpoint {name} ({kind}), or what it is told of.",
        "See the endpoints",
        page="notices",
    ),
    "endpoint.switched_off": Words(
        Family.SECURITY,
        "A channel is told no more: {name}",
        "{by} switched the endpoint {name} ({kind}) off.",
        "See the endpoints",
        page="notices",
        tone="amber",
    ),
    "endpoint.switched_on": Words(
        Family.SECURITY,
        "A channel is told again: {name}",
        "{by} switched the endpoint {name} ({kind}) on.",
        "See the endpoints",
        page="notices",
    ),
    "endpoint.secret_added": Words(
        Family.SECURITY,
        "A second secret signs: {name}",
        "{by} made a new secret for the webhook {name}. Both sign until the old one is dropped.",
        "See the endpoints",
        page="notices",
    ),
    "endpoint.secret_dropped": Words(
        Family.SECURITY,
        "The old secret signs no more: {name}",
        "{by} dropped the old secret of the webhook {name}.",
        "See the endpoints",
        page="notices",
    ),
    # Tokens
    "token.made": Words(
        Family.SECURITY,
        "A personal token was made: {name}",
        "What holds the token {name} can use Bastion Access in your name until it ends. Revoke it "
        "in your settings if you did not make it.",
        "See your tokens",
        page="settings",
        tone="amber",
    ),
    "token.by_device": Words(
        Family.SECURITY,
        "A program was signed in as you",
        "The program that calls itself {name} can use Bastion Access in your name for a while. "
        "Revoke its token in your settings if you did not allow this.",
        "See your tokens",
        page="settings",
        tone="amber",
    ),
    "token.revoked": Words(
        Family.SECURITY,
        "Your token was revoked: {name}",
        "{by} revoked your personal token {name}. What uses it is signed in no more.",
        "See your tokens",
        page="settings",
        tone="grey",
    ),
    # People
    "person.gained": Words(
        Family.SECURITY,
        "A role that decides was given to {approver}",
        "The directory gave {approver} a role that decides or administers. If nobody meant that, "
        "take it back in Microsoft Entra, and end their sessions on the People page. {why}",
        "See the people",
        page="people",
        tone="amber",
    ),
    # Browsers that are signed in
    "session.ended": Words(
        Family.SECURITY,
        "You were signed out everywhere",
        "{by} ended your sessions and revoked your personal tokens: {why} Sign in anew to go on. "
        "If you did not expect this, ask an administrator.",
        "See where you are signed in",
        page="settings",
        tone="amber",
    ),
    "notice.test": Words(
        Family.RULES,
        "A test from Bastion Access",
        "{by} sent this to see whether it arrives. Nothing happened, and nothing is asked of you.",
        "Open Bastion Access",
        page="home",
        tone="grey",
    ),
}
