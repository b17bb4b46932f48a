"""The addresses of the pages about vendors, for people with an account."""

from django.urls import path

from links.sponsoring.views import contacts, invite, rotations, visits

urlpatterns = [
    path("vendors/", contacts.vendors, name="vendors"),
    path("vendors/<int:pk>/", contacts.vendor, name="vendor"),
    path("vendors/<int:pk>/edit/", contacts.edit, name="vendor-edit"),
    path("vendors/<int:pk>/check/", contacts.check, name="vendor-check"),
    path("vendors/<int:pk>/block/", contacts.block, name="vendor-block"),
    path("vendors/<int:pk>/unblock/", contacts.unblock, name="vendor-unblock"),
    path("vendors/invite/", invite.invite, name="vendor-invite"),
    path("vendors/invite/letter/", invite.letter, name="vendor-letter"),
    path("vendors/logins/", rotations.logins, name="rotations"),
    path("vendors/logins/<int:pk>/done/", rotations.done, name="rotation-done"),
    path("requests/<reference:pk>/invitation/", visits.invite_again, name="invitation-send"),
    path("requests/<reference:pk>/wish/", visits.wish, name="wish-answer"),
]
