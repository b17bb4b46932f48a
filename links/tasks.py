"""What time alone gives cause to do about vendors."""

from celery import shared_task

from links.sponsoring import rotations
from links.visiting.forgetting import forget_old


@shared_task(name="links.remind", ignore_result=True)
def remind() -> None:
    """Logins that are to be changed, now that the access is over."""
    rotations.remind_all()


@shared_task(name="links.forget", ignore_result=True)
def forget() -> None:
    """Browsers and codes of visits that are long over go, a part at a time."""
    forget_old()
