"""Where an administrator changes how JIT guards a machine."""

from django.urls import path

from jit import views

urlpatterns = [path("jit/machines/<int:pk>/", views.machine_policy, name="jit-policy")]
