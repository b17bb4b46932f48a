"""Sessions of browsers that are over leave the database. Run late or never, none lasts longer."""

from celery import shared_task

from portal.signin.sessions import SessionStore


@shared_task(name="portal.forget_sessions", ignore_result=True)
def forget_sessions() -> None:
    """May be repeated."""
    SessionStore.clear_expired()
