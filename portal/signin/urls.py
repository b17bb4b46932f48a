"""Signing in and out."""

from django.urls import path

from portal.signin import stepup, views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/demo/", views.demo_sign_in, name="demo-sign-in"),
    path("sign-in/again/", stepup.again, name="step-up"),
    path("sign-out/", views.sign_out, name="sign-out"),
]
