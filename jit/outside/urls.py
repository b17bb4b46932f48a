"""Where an administrator registers machines outside Azure."""

from django.urls import path

from jit.outside import views

urlpatterns = [
    path("outside/", views.targets, name="outside"),
    path("outside/new/", views.add, name="outside-new"),
    path("outside/<int:pk>/", views.edit, name="outside-edit"),
    path("outside/<int:pk>/retire/", views.retire, name="outside-retire"),
]
